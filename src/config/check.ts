import { isTable } from "./environment-kinds.ts";
import type { ReadContext } from "./kinds.ts";
import { literal } from "./literal.ts";
import type { Path } from "./misfit.ts";
import { Misfit, showValue } from "./misfit.ts";
import type { Problem } from "./problem.ts";
import type { AnyKey, Key, KeyTable } from "./schema.ts";
import { appKeys } from "./schema.ts";
import type { AppSettings } from "./settings.ts";
import { unknownKey } from "./unknown-key.ts";

/** The name of a profile in `env_<profile>`, undefined for any other key. */
export const profileOf = (key: string): string | undefined =>
  Object.hasOwn(appKeys, key) ? undefined : /^env_([A-Za-z0-9_-]+)$/.exec(key)?.[1];

/**
 * Reads what was written for one app, key by key. Never fails: everything that is wrong is in `problems`, and the
 * settings have what was right.
 * @param at where the app's table stands in the document; empty for flags
 */
export const checkApp = async (
  written: Readonly<Record<string, unknown>>,
  context: ReadContext,
  at: Path,
): Promise<{ settings: AppSettings; problems: Problem[] }> => {
  const problems: Problem[] = [];
  const profiles: [string, Record<string, string>][] = [];
  const rest: [string, unknown][] = [];
  for (const [name, value] of Object.entries(written)) {
    const profile = profileOf(name);
    if (profile === undefined || !isTable(value)) {
      rest.push([name, value]);
    } else {
      const variables = await readKey(profileKey, name, value, context, at, problems);
      if (variables !== undefined) profiles.push([profile, variables]);
    }
  }
  const settings = await checkTable<AppSettings>(appKeys, Object.fromEntries(rest), context, at, problems);
  if (profiles.length > 0) settings.profiles = Object.fromEntries(profiles);
  if (problems.length === 0) problems.push(...checkTogether(settings, context, at));
  return { settings, problems };
};

const profileKey: Key<AppSettings, "env"> = { ...appKeys.env, example: 'PORT = "3000"' };

/** Reads the keys of one table; unknown and wrong ones are added to `problems`. */
export const checkTable = async <S>(
  table: KeyTable<S>,
  written: Readonly<Record<string, unknown>>,
  context: ReadContext,
  at: Path,
  problems: Problem[],
): Promise<S> => {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(written)) {
    if (value === undefined) continue;
    const entry = Object.hasOwn(table, name) ? (table[name] as AnyKey<Record<string, unknown>>) : undefined;
    if (entry === undefined) {
      problems.push(unknownKey(name, table, at));
    } else if ("table" in entry) {
      const short =
        entry.short === undefined ? undefined : (entry.table[entry.short] as unknown as Key<Record<string, unknown>>);
      if (short !== undefined && !isTable(value)) {
        const read = await readKey(short, name, value, context, at, problems);
        if (read !== undefined) settings[entry.field] = { [short.field]: read };
      } else if (isTable(value)) {
        settings[entry.field] = await checkTable(entry.table, value, context, [...at, name], problems);
      } else {
        const why = `${name} should be a table, not ${showValue(value)}`;
        problems.push({
          path: [...at, name],
          part: "value",
          why,
          hint: `open it with [${[...at, name].join(".")}]`,
        });
      }
    } else {
      const read = await readKey(entry, name, value, context, at, problems);
      if (read !== undefined) settings[entry.field] = read;
    }
  }
  return settings as S;
};

const readKey = async <S, F extends keyof S>(
  entry: Key<S, F>,
  name: string,
  value: unknown,
  context: ReadContext,
  at: Path,
  problems: Problem[],
): Promise<S[F] | undefined> => {
  try {
    return await entry.kind.read(value, context);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    problems.push(misfitProblem(error, entry, name, value, context, at));
    return undefined;
  }
};

const misfitProblem = (
  misfit: Misfit,
  { kind, example }: { kind: { expects: string }; example: string },
  name: string,
  value: unknown,
  { form }: ReadContext,
  at: Path,
): Problem => {
  const [subject, sample] = samples[form](name, example);
  const part = misfit.path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], value);
  const why =
    misfit.why === undefined
      ? `${subject} should be ${kind.expects}, not ${showValue(part)}`.trimStart()
      : `${subject && `${subject}: `}${misfit.why}`;
  const hint = misfit.hint ?? `for example ${sample}`;
  return { path: [...at, name, ...misfit.path], part: misfit.part, why, hint };
};

/** What a message begins with, and how the key is written. A flag is named by the place that stands before it. */
const samples: Record<ReadContext["form"], (name: string, example: string) => [subject: string, sample: string]> = {
  toml: (name, example) => [name, `${name} = ${example}`],
  json: (name, example) => [name, `"${name}": ${JSON.stringify(literal(example))}`],
  flags: (_, example) => ["", example.replaceAll('"', "")],
};

/** What no key alone can tell. */
const checkTogether = (settings: AppSettings, { form }: ReadContext, at: Path): Problem[] => {
  const wrong = (key: string | undefined, why: string, hint: string): Problem[] => [
    { path: key === undefined ? at : [...at, key], part: "key", why, hint },
  ];
  const { script, command, rollout } = settings;
  if (form !== "flags" && script === undefined && command === undefined) {
    return wrong(
      undefined,
      "this app has neither script nor command",
      `add what it runs, such as ${samples[form]("script", appKeys.script.example)[1]}`,
    );
  }
  if (script !== undefined && command !== undefined) {
    return wrong("command", "an app has a script or a command, not both", "remove one of them");
  }
  for (const key of ["interpreter", "interpreter_args"] as const) {
    if (command !== undefined && settings[appKeys[key].field] !== undefined) {
      return wrong(key, `${key} goes with script, not with command`, "make it part of the command");
    }
  }
  if (rollout?.maxUnavailable === 0 && (rollout.surge ?? 0) === 0) {
    return wrong("rollout", "with max_unavailable = 0 and no surge a rollout could not begin", "add surge = 1");
  }
  return [];
};
