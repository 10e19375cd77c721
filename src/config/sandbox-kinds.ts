import { capabilityNames } from "../domain/capabilities.ts";
import type { Credential } from "../domain/sandbox.ts";
import { isTable } from "./environment-kinds.ts";
import type { Kind, ReadContext } from "./kinds.ts";
import { checkText, path, text } from "./kinds.ts";
import { Misfit, showValue } from "./misfit.ts";
import { nearest } from "../domain/nearest.ts";

/** A capability, with or without `CAP_`, in any case. */
export const capability: Kind<string> = {
  expects: "the name of a capability, such as CAP_NET_BIND_SERVICE",
  json: { type: "string" },
  read: (value) => {
    if (typeof value !== "string") throw new Misfit();
    const name = `CAP_${value.toUpperCase().replace(/^CAP_/, "")}`;
    if (capabilityNames.includes(name)) return name;
    const meant = nearest(name, capabilityNames);
    throw new Misfit(
      `${JSON.stringify(value)} is not a capability`,
      meant === undefined ? { hint: "see capabilities(7)" } : { hint: `did you mean \`${meant}\`?` },
    );
  },
};

const KINDS = {
  path: path("a path"),
  encrypted: path("a path"),
  text: { ...text("a text"), read: checkText },
} as const;

/** Secrets by name: a path, or a table that says what it is. */
export const credentials: Kind<Record<string, Credential>> = {
  expects: "a table of secrets",
  json: {
    type: "object",
    additionalProperties: {
      anyOf: [
        { type: "string", minLength: 1, description: "path of a file" },
        ...Object.keys(KINDS).map((name) => ({
          type: "object",
          properties: { [name]: { type: "string" } },
          required: [name],
          additionalProperties: false,
        })),
      ],
    },
  },
  read: async (value, context) => {
    if (!isTable(value)) throw new Misfit();
    const entries: [string, Credential][] = [];
    for (const [name, member] of Object.entries(value)) {
      checkName(name);
      entries.push([name, await readCredential(name, member, context)]);
    }
    return Object.fromEntries(entries);
  },
};

/** They become names of files, and of systemd's, to which a colon ends the name. */
const checkName = (name: string): void => {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(name)) return;
  throw new Misfit(`${JSON.stringify(name)} cannot be a secret's name`, {
    path: [name],
    part: "key",
    hint: "letters, digits, _, - and dots, not beginning with a dot",
  });
};

const readCredential = async (name: string, written: unknown, context: ReadContext): Promise<Credential> => {
  const forms = 'write a path, { text = "…" } or { encrypted = "path" }';
  const table = isTable(written) ? written : { path: written };
  const [[kind, value] = ["", undefined], ...more] = Object.entries(table);
  if (!isKind(kind) || more.length > 0)
    throw new Misfit(`${name} should be one of path, text and encrypted`, { path: [name], hint: forms });
  try {
    return { [kind]: await KINDS[kind].read(value, context) } as Credential;
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    // Never the value itself: it may be the secret.
    const shown = kind === "text" && typeof value === "string" ? "what it is" : showValue(value);
    throw new Misfit(error.why ?? `${name} should be ${KINDS[kind].expects}, not ${shown}`, {
      path: isTable(written) ? [name, kind] : [name],
      hint: forms,
    });
  }
};

const isKind = (name: string): name is keyof typeof KINDS => Object.hasOwn(KINDS, name);
