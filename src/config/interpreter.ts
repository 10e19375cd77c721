import { findOnPath } from "./find-file.ts";

/** What the search for programs goes by. */
export interface ProgramLookup {
  /** PATH of the caller. */
  path: string;
  /** The Node that runs this process: taken where PATH has none. */
  execPath: string;
  /** `v22.18.0`, as the program says; undefined when it does not. */
  nodeVersion?: (program: string) => Promise<string | undefined>;
}

/** What runs a script: the program, and its arguments before the script. */
export interface Interpreter {
  program: string;
  args: string[];
}

/** No interpreter: `name` is what would have been needed. */
export interface NoInterpreter {
  missing: string;
  /** Goes on after the error's hint; may be empty. */
  also: string;
}

/** A program by its name: on PATH; `node` is always found. */
export const findNamed = async (name: string, lookup: ProgramLookup): Promise<string | undefined> =>
  name === "node" ? findNode(lookup) : findOnPath(name, lookup.path);

/** The node that the caller would get by typing `node`. */
export const findNode = async ({ path, execPath }: ProgramLookup): Promise<string> =>
  (await findOnPath("node", path)) ?? execPath;
