import { open } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { appNameFromPath } from "../domain/app-name.ts";
import { VelosError } from "../domain/errors.ts";
import { fileState } from "./find-file.ts";
import type { Interpreter, NoInterpreter, ProgramLookup } from "./interpreter.ts";
import { findNamed } from "./interpreter.ts";
import { isDirectory, notExecutable, notFound } from "./program-errors.ts";
import { readFailure } from "./read-failure.ts";
import { interpreterByEnding, namedInterpreter } from "./script-interpreter.ts";
import type { AppDraft } from "./settings.ts";
import { placePrefix } from "./settings.ts";
import { splitWords, WordsError } from "./words.ts";

/** What an app runs. */
export interface Program {
  /** Absolute. */
  program: string;
  args: string[];
  /** Absolute; absent for a command. */
  script?: string;
  /** The interpreter's name; absent for a command, unless that is Node, and for an executable. */
  interpreter?: string;
}

/** Where and how an app's program is looked for. */
export interface ProgramSearch extends ProgramLookup {
  /** Absolute working directory of the app. */
  cwd: string;
  /** The app runs as the caller, so what the caller cannot read the app cannot either. */
  runsAsCaller: boolean;
}

/**
 * Finds out what an app runs. A `command` is taken as it is, its program looked for on PATH unless it is a path. A
 * `script` is, whichever comes first: a file, relative to the working directory or else to where it was written
 * (the directory of velos.toml); a program on PATH (`sleep`); a command line (`python3 -m http.server`) that is split
 * into words and whose first word is again one of these.
 *
 * What runs a file: `interpreter` where it is given; else its ending decides, even if it is executable; else it must be
 * executable. A `#!` line does not make a file executable, but the error names what it asks for.
 * @throws VelosError SCRIPT_NOT_FOUND, SCRIPT_NOT_EXECUTABLE, SCRIPT_IS_DIRECTORY, SCRIPT_UNREADABLE,
 *   INTERPRETER_NOT_FOUND, CONFIG_INVALID for a command line that cannot be split
 */
export const findProgram = async (draft: AppDraft, search: ProgramSearch): Promise<Program> => {
  const { script, command, args = [] } = draft.settings;
  if (command !== undefined) return commandProgram(draft, search, command, args);
  if (script === undefined) {
    throw new VelosError("USAGE", {
      why: "there is nothing to start",
      hint: "name a script, as in `velos start app.js`, or a --config",
    });
  }
  const found = await locate(draft, search, script);
  if (found !== undefined) return withArgs(draft, search, found, args);
  if (/\s/.test(script)) {
    const [first, ...rest] = commandLine(draft, script);
    const program = first === undefined ? undefined : await locate(draft, search, first);
    if (program !== undefined) return withArgs(draft, search, program, [...rest, ...args]);
  }
  throw await notFound(draft, search.cwd, "script", script);
};

/** The name of an app that was given none. */
export const defaultName = ({ program, script }: Program): string => appNameFromPath(script ?? program);

type Located = { file: string; isExecutable: boolean } | { onPath: string };

const locate = async (draft: AppDraft, search: ProgramSearch, script: string): Promise<Located | undefined> => {
  const at = placePrefix(draft, "script");
  let directory: string | undefined;
  for (const base of new Set([search.cwd, draft.baseDir])) {
    const file = resolve(base, script);
    const state = await fileState(file);
    if (state.kind === "file") return { file, isExecutable: state.isExecutable };
    if (state.kind === "unreadable") throw new VelosError("SCRIPT_UNREADABLE", { at, path: file, why: state.why });
    if (state.kind === "directory") directory ??= file;
  }
  const onPath = await findNamed(script, search);
  if (onPath !== undefined) return { onPath };
  if (directory === undefined) return undefined;
  throw await isDirectory(draft, directory);
};

const withArgs = async (draft: AppDraft, search: ProgramSearch, located: Located, args: string[]): Promise<Program> => {
  const file = "file" in located ? located.file : located.onPath;
  const { interpreter: name, interpreterArgs = [] } = draft.settings;
  const interpreter = await chooseInterpreter(draft, search, located);
  if (interpreter === undefined) {
    if ("file" in located && !located.isExecutable) throw await notExecutable(draft, file);
    if (interpreterArgs.length === 0)
      return { program: file, args, ...("file" in located ? { script: file } : nodeItself(file, args)) };
    const where = draft.where("interpreter_args");
    const hint = "remove them, or name the interpreter";
    throw new VelosError("CONFIG_INVALID", { where, why: `${file} has no interpreter`, hint });
  }
  if ("missing" in interpreter) {
    const at = placePrefix(draft, name === undefined ? "script" : "interpreter");
    const { missing, also } = interpreter;
    throw new VelosError("INTERPRETER_NOT_FOUND", { at, name: missing, path: file, also });
  }
  if (search.runsAsCaller) await checkReadable(draft, file);
  return {
    program: interpreter.program,
    args: [...interpreter.args, ...interpreterArgs, file, ...args],
    script: file,
    interpreter: basename(interpreter.program),
  };
};

/** `node server.js` as a command is an app of Node's like `server.js`: it can share sockets, and says when it is ready. */
const nodeItself = (program: string, args: readonly string[]): { interpreter?: string } =>
  basename(program) === "node" && args.length > 0 ? { interpreter: "node" } : {};

/** Undefined: the file runs by itself. */
const chooseInterpreter = async (
  draft: AppDraft,
  search: ProgramSearch,
  located: Located,
): Promise<Interpreter | NoInterpreter | undefined> => {
  const name = draft.settings.interpreter;
  if (name === "none") return undefined;
  if (name === undefined) return "file" in located ? interpreterByEnding(located.file, search) : undefined;
  const file = "file" in located ? located.file : located.onPath;
  return (await namedInterpreter(name, resolve(search.cwd, name), file, search)) ?? { missing: name, also: "" };
};

const commandProgram = async (
  draft: AppDraft,
  search: ProgramSearch,
  command: string[],
  args: string[],
): Promise<Program> => {
  const [name = "", ...rest] = command;
  const all = [...rest, ...args];
  if (!name.includes("/")) {
    const program = await findNamed(name, search);
    if (program === undefined) throw await notFound(draft, search.cwd, "command", name);
    return { program, args: all, ...nodeItself(program, all) };
  }
  const program = resolve(search.cwd, name);
  const state = await fileState(program);
  const at = placePrefix(draft, "command");
  switch (state.kind) {
    case "file":
      if (!state.isExecutable) throw await notExecutable(draft, program, "command");
      return { program, args: all, ...nodeItself(program, all) };
    case "directory":
      throw await isDirectory(draft, program, "command");
    case "unreadable":
      throw new VelosError("SCRIPT_UNREADABLE", { at, path: program, why: state.why });
    case "absent":
      throw await notFound(draft, search.cwd, "command", name);
  }
};

const commandLine = (draft: AppDraft, line: string): string[] => {
  try {
    return splitWords(line);
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    const where = draft.where("script");
    const why = `${JSON.stringify(line)} ${error.message}`;
    throw new VelosError("CONFIG_INVALID", {
      where: where === "--script" ? "start" : where,
      why,
      hint: "quote it, or run a shell: sh -c '…'",
    });
  }
};

const checkReadable = async (draft: AppDraft, file: string): Promise<void> => {
  try {
    await (await open(file)).close();
  } catch (error) {
    const at = placePrefix(draft, "script");
    throw new VelosError("SCRIPT_UNREADABLE", { at, path: file, why: readFailure(error) }, { cause: error });
  }
};
