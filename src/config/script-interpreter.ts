import { access, constants } from "node:fs/promises";
import { extname } from "node:path";
import { fileState } from "./find-file.ts";
import { firstLine } from "./first-line.ts";
import type { Interpreter, NoInterpreter, ProgramLookup } from "./interpreter.ts";
import { findNamed, findNode } from "./interpreter.ts";
import { projectTsx, typescriptInterpreter } from "./typescript.ts";

/**
 * What runs a script with this ending; undefined for an ending that says nothing. JavaScript is run by the caller's
 * own node. TypeScript by the project's tsx, else by node where it can (22.18, 23.6). Python, Ruby and shell scripts by
 * what their first line names, so that `#!/srv/venv/bin/python` is followed, else by python3, ruby or sh on PATH.
 */
export const interpreterByEnding = async (
  script: string,
  lookup: ProgramLookup,
): Promise<Interpreter | NoInterpreter | undefined> => {
  switch (extname(script).toLowerCase()) {
    case ".js":
    case ".mjs":
    case ".cjs":
      return { program: await findNode(lookup), args: [] };
    case ".ts":
    case ".mts":
    case ".cts":
      return typescriptInterpreter(script, lookup);
    case ".py":
      return firstLineOr("python3", script, lookup);
    case ".rb":
      return firstLineOr("ruby", script, lookup);
    case ".sh":
      return firstLineOr("sh", script, lookup);
    default:
      return undefined;
  }
};

const firstLineOr = async (
  name: string,
  script: string,
  lookup: ProgramLookup,
): Promise<Interpreter | NoInterpreter> => {
  const words = await firstLine(script);
  const [first = "", ...args] = words;
  const named = first.includes("/") ? await existing(first) : await findNamed(first, lookup);
  if (named !== undefined) return { program: named, args };
  const program = await findNamed(name, lookup);
  return program === undefined ? { missing: name, also: "" } : { program, args: [] };
};

const existing = async (program: string): Promise<string | undefined> =>
  access(program, constants.X_OK).then(
    () => program,
    () => undefined,
  );

/** The interpreter at a path, or by its name. */
export const namedInterpreter = async (
  name: string,
  path: string,
  script: string,
  lookup: ProgramLookup,
): Promise<Interpreter | undefined> => {
  if (name === "tsx") {
    const tsx = await projectTsx(script, lookup);
    if (tsx !== undefined) return tsx;
  }
  if (!name.includes("/")) {
    const program = await findNamed(name, lookup);
    return program === undefined ? undefined : { program, args: [] };
  }
  const state = await fileState(path);
  return state.kind === "file" && state.isExecutable ? { program: path, args: [] } : undefined;
};
