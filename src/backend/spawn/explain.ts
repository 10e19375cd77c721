import { accessSync, constants, statSync } from "node:fs";
import type { AppSpec } from "../../domain/app.ts";

/** Why a program cannot be executed, in words; undefined when nothing is wrong to be seen. */
export const explain = (spec: AppSpec): string | undefined => {
  const cwd = problemOf(spec.cwd, constants.X_OK);
  if (cwd !== undefined) return `the working directory ${spec.cwd} ${cwd}`;
  if (!statSync(spec.cwd).isDirectory()) return `the working directory ${spec.cwd} is not a directory`;
  const program = problemOf(spec.program, constants.X_OK);
  if (program !== undefined) return `the program ${spec.program} ${program}`;
  return statSync(spec.program).isDirectory() ? `the program ${spec.program} is a directory` : undefined;
};

const problemOf = (path: string, mode: number): string | undefined => {
  try {
    accessSync(path, constants.F_OK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be reached";
  }
  try {
    accessSync(path, mode);
    return undefined;
  } catch {
    return "may not be used: permission denied";
  }
};
