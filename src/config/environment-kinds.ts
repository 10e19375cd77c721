import type { SystemdValue } from "../domain/app.ts";
import type { Kind } from "./kinds.ts";
import { Misfit, showValue } from "./misfit.ts";

/** True for a name that every shell and systemd take for a variable. */
export const isVariableName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

/** The name of an environment variable. */
export const variableName: Kind<string> = {
  expects: "the name of a variable (letters, digits and _)",
  json: { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
  read: (value) => {
    if (typeof value !== "string" || !isVariableName(value)) throw new Misfit();
    return value;
  },
};

export const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/**
 * A table of variables. Whole numbers and booleans may stand without quotes; a fraction may not, since `1.10` would
 * arrive as `1.1`.
 */
export const variables: Kind<Record<string, string>> = {
  expects: "a table of variables",
  json: { type: "object", additionalProperties: { type: ["string", "integer", "boolean"] } },
  read: (value) => {
    if (!isTable(value)) throw new Misfit();
    return Object.fromEntries(
      Object.entries(value).map(([name, member]): [string, string] => {
        if (!isVariableName(name)) {
          throw new Misfit(`${JSON.stringify(name)} cannot be a variable's name`, {
            path: [name],
            part: "key",
            hint: "letters, digits and _, not beginning with a digit",
          });
        }
        if (typeof member === "bigint" || typeof member === "boolean") return [name, String(member)];
        if (typeof member !== "string") {
          const hint =
            typeof member === "number" ? "put it in quotes, so that it arrives as written" : "put it in quotes";
          throw new Misfit(`${name} should be a text, not ${showValue(member)}`, { path: [name], hint });
        }
        if (member.includes("\0"))
          throw new Misfit(`${name} contains a NUL character`, { path: [name], hint: "remove it" });
        return [name, member];
      }),
    );
  },
};

/** Properties for systemd, by name; a list for a property that is given several times. */
export const systemdProperties: Kind<Record<string, SystemdValue>> = {
  expects: "a table of properties",
  json: { type: "object" },
  read: (value) => {
    if (!isTable(value)) throw new Misfit();
    return Object.fromEntries(
      Object.entries(value).map(([name, member]): [string, SystemdValue] => {
        if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
          throw new Misfit(`${JSON.stringify(name)} is not a property of systemd`, {
            path: [name],
            part: "key",
            hint: "write it as in a unit file, such as IOWeight = 50",
          });
        }
        return [name, systemdValue(name, member)];
      }),
    );
  },
};

const systemdValue = (name: string, value: unknown): SystemdValue => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value) && value.every((member): member is string => typeof member === "string")) return value;
  throw new Misfit(`${name} should be a text, a number, true, false or an array of texts, not ${showValue(value)}`, {
    path: [name],
    hint: "write it as in a unit file, such as IOWeight = 50",
  });
};
