import { VelosError } from "../domain/errors.ts";
import { checkAppName } from "../domain/app-name.ts";
import { checkApp } from "./check.ts";
import { isVariableName } from "./environment-kinds.ts";
import { problemError } from "./problem.ts";
import type { AppKey } from "./schema.ts";
import { flagOf } from "./schema.ts";
import type { AppDraft } from "./settings.ts";

/**
 * An app as the flags of `velos start` give it: the keys of velos.toml, values as text where a flag has text. What is
 * undefined was not given.
 */
export type AppInput = { readonly [key in AppKey]?: unknown };

/**
 * Reads flags by the same table as velos.toml.
 * @param name as given with --name
 * @param cwd the caller's working directory: absolute; relative paths start from it
 * @throws VelosError APP_NAME_INVALID; CONFIG_INVALID, whose `where` is the flag (`--kill-timeout`)
 */
export const appFromFlags = async (input: AppInput, cwd: string, name?: string): Promise<AppDraft> => {
  if (name !== undefined) checkAppName(name);
  const { settings, problems } = await checkApp(input, { baseDir: cwd, form: "flags" }, []);
  const [first] = problems;
  if (first !== undefined) {
    const flag = flagOf(String(first.path[0]));
    throw problemError(first, flag, problems.length - 1);
  }
  return { ...(name !== undefined && { name }), settings, baseDir: cwd, where: flagOf };
};

/**
 * Tells the two uses of `--env` apart: `NAME=VALUE` is a variable, `NAME` a profile of velos.toml.
 * @throws VelosError CONFIG_INVALID for a variable's name that cannot be one, or a second profile
 */
export const splitEnvFlags = (flags: readonly string[]): { env: Record<string, string>; profile?: string } => {
  const env: [string, string][] = [];
  let profile: string | undefined;
  for (const flag of flags) {
    const equals = flag.indexOf("=");
    if (equals >= 0) {
      const name = flag.slice(0, equals);
      if (!isVariableName(name))
        throw invalid(`'${name}' cannot be a variable's name`, "write --env NAME=VALUE; letters, digits and _");
      env.push([name, flag.slice(equals + 1)]);
    } else {
      if (flag === "") throw invalid("it is empty", "write --env NAME=VALUE, or the name of a profile");
      if (profile !== undefined && profile !== flag)
        throw invalid(`there are two profiles, ${profile} and ${flag}`, "name one");
      profile = flag;
    }
  }
  return { env: Object.fromEntries(env), ...(profile !== undefined && { profile }) };
};

const invalid = (why: string, hint: string): VelosError =>
  new VelosError("CONFIG_INVALID", { where: "--env", why, hint });
