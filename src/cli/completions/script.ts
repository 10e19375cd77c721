import { commands } from "../catalogue.ts";
import type { CommandForm } from "../command-form.ts";
import { formOf } from "../command-form.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { zshScript } from "./zsh.ts";

const SHELLS: Readonly<Record<string, (forms: readonly CommandForm[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The completion script of a shell, made of the commands' own definitions; undefined for an unknown shell. */
export const completionScript = async (shell: string): Promise<string | undefined> => {
  const make = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  return make?.(await Promise.all(Object.values(commands).map(async (load) => formOf(await load()))));
};
