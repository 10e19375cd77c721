import { checkAppName } from "../domain/app-name.ts";
import { VelosError } from "../domain/errors.ts";
import { checkApp } from "./check.ts";
import { isTable } from "./environment-kinds.ts";
import type { JsonShape } from "./kinds.ts";
import { literal } from "./literal.ts";
import { problemError } from "./problem.ts";
import { appKeys } from "./schema.ts";
import type { AppDraft } from "./settings.ts";

/**
 * An app as programs give it: an object with the keys of `[apps.<name>]` in velos.toml, and `name`.
 * @param baseDir absolute directory that relative paths start from
 * @throws VelosError APP_NAME_INVALID; CONFIG_INVALID, whose `where` is a JSON pointer (`/kill_timeout`)
 */
export const appFromJson = async (value: unknown, baseDir: string): Promise<AppDraft> => {
  if (!isTable(value)) throw wrong("the app", "it should be an object", 'such as {"name": "api", "script": "app.js"}');
  const { name, ...written } = value;
  if (name !== undefined && typeof name !== "string")
    throw wrong("/name", "name should be a text", "leave it out to use the script's");
  if (name !== undefined) checkAppName(name);
  const context = { baseDir, form: "json" } as const;
  const { settings, problems } = await checkApp(withBigInts(written) as Record<string, unknown>, context, []);
  const [first] = problems;
  if (first !== undefined) throw problemError(first, pointer(first.path), problems.length - 1);
  return {
    ...(name !== undefined && { name }),
    settings,
    baseDir,
    where: (...path) => pointer(path.filter((key) => key !== undefined)),
  };
};

const wrong = (where: string, why: string, hint: string): VelosError =>
  new VelosError("CONFIG_INVALID", { where, why, hint });

/** RFC 6901. */
const pointer = (path: readonly (string | number)[]): string =>
  path.length === 0
    ? "the app"
    : path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Deeper than any setting is. */
const MAX_DEPTH = 16;

/** Integers as TOML's reader gives them, so that both are read alike. */
const withBigInts = (value: unknown, depth = 0): unknown => {
  if (depth > MAX_DEPTH) throw wrong("the app", `it is nested more than ${MAX_DEPTH} deep`, "no setting is");
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  if (Array.isArray(value)) return value.map((member) => withBigInts(member, depth + 1));
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withBigInts(member, depth + 1)]));
};

/** JSON Schema of what `appFromJson` takes, derived from the keys of velos.toml. */
export const appJsonSchema = (): JsonShape => {
  const app = objectSchema(appKeys);
  const name = { type: "string", description: "default: that of the script", examples: ["api"] };
  return { ...app, properties: { name, ...(app["properties"] as object) } };
};

/** What is needed of the keys' tables here, whatever they fill. */
type Entries = Readonly<Record<string, Table | Documented>>;
interface Table {
  table: Entries;
  doc: string;
  short?: string;
}
interface Documented {
  kind: { json: JsonShape };
  doc: string;
  example: string;
  standard?: string;
}

const objectSchema = (table: Entries): JsonShape => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(table).flatMap(([name, entry]): [string, JsonShape][] => {
      if ("table" in entry) return [[name, tableSchema(entry)]];
      const { kind, doc, example, standard } = entry;
      const also = kind.json["description"];
      return [
        [
          name,
          {
            ...kind.json,
            description: typeof also === "string" ? `${doc}; ${also}` : doc,
            examples: [literal(example)],
            ...(standard !== undefined && { default: literal(standard) }),
          },
        ],
      ];
    }),
  ),
  additionalProperties: false,
});

const tableSchema = ({ table, doc, short }: Table): JsonShape => {
  const whole = objectSchema(table);
  const one = short === undefined ? undefined : table[short];
  return one !== undefined && "kind" in one
    ? { anyOf: [one.kind.json, whole], description: doc, examples: [literal(one.example)] }
    : { ...whole, description: doc };
};
