import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Interpreter, NoInterpreter, ProgramLookup } from "./interpreter.ts";
import { findNode } from "./interpreter.ts";

/** What runs a TypeScript file: the project's tsx, else a node that can. */
export const typescriptInterpreter = async (
  script: string,
  lookup: ProgramLookup,
): Promise<Interpreter | NoInterpreter> => {
  const tsx = await projectTsx(script, lookup);
  if (tsx !== undefined) return tsx;
  const node = await findNode(lookup);
  const version = await (lookup.nodeVersion ?? askNodeVersion)(node);
  if (version !== undefined && runsTypeScript(version)) return { program: node, args: [] };
  const found = version === undefined ? "" : `, and this one is ${version}`;
  return { missing: "tsx", also: `; node runs TypeScript by itself from 22.18 on${found}` };
};

/**
 * tsx as the project has it, in a node_modules above the script. It is loaded into node instead of being run, so that
 * the instance is one process: signals, readiness and inherited sockets concern that very process.
 */
export const projectTsx = async (script: string, lookup: ProgramLookup): Promise<Interpreter | undefined> => {
  for (let directory = dirname(script); ; directory = dirname(directory)) {
    const found = join(directory, "node_modules", "tsx");
    const text = await readFile(join(found, "package.json"), "utf8").catch(() => undefined);
    if (text !== undefined) {
      const loader = join(found, tsxLoader(text));
      return { program: await findNode(lookup), args: ["--import", pathToFileURL(loader).href] };
    }
    if (directory === dirname(directory)) return undefined;
  }
};

const tsxLoader = (packageJson: string): string => {
  try {
    const { exports } = JSON.parse(packageJson) as { exports?: Record<string, unknown> };
    const entry = exports?.["."];
    if (typeof entry === "string") return entry;
  } catch {
    // A package.json that cannot be read says as little as one without exports.
  }
  return "dist/loader.mjs";
};

/** True for a version that runs TypeScript without a flag. */
export const runsTypeScript = (version: string): boolean => {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
};

const askNodeVersion = async (program: string): Promise<string | undefined> => {
  const { output } = await import("./output.ts");
  return output(program, ["--version"]);
};
