import type { Path } from "./misfit.ts";
import { nearest } from "../domain/nearest.ts";
import type { Problem } from "./problem.ts";
import { appKeys, rolloutKeys } from "./schema.ts";
import { scopeKeys } from "./scope-schema.ts";

const hints = (keys: object, hint: (key: string) => string): [string, string][] =>
  Object.keys(keys).map((key) => [key, hint(key)]);

/** Keys that people write where they do not belong, and where they do. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ...hints(appKeys, (key) => `${key} belongs to an app: write it below [apps.<name>]`),
  ...hints(rolloutKeys, (key) => `${key} belongs to rollout: write it below [apps.<name>.rollout]`),
  ...hints(scopeKeys, (key) => `${key} is a setting of velosd: write it at the top of the scope's own config file`),
  ["name", "the name of an app is that of its table: [apps.<name>]"],
]);

/** The problem of a key that its table does not have, with the key that was probably meant. */
export const unknownKey = (name: string, table: Readonly<Record<string, object>>, at: Path): Problem => {
  const candidates = new Map<string, string>();
  for (const [key, entry] of Object.entries(table)) {
    candidates.set(key, key);
    for (const alias of (entry as { aliases?: readonly string[] }).aliases ?? []) candidates.set(alias, key);
  }
  const meant = candidates.get(nearest(name, candidates.keys()) ?? "");
  const hint =
    ELSEWHERE.get(name) ??
    (meant === undefined ? "remove it, or see the manual for the keys there are" : `did you mean \`${meant}\`?`);
  return { path: [...at, name], part: "key", why: `unknown key ${JSON.stringify(name)}`, hint };
};
