import { readFile } from "node:fs/promises";
import { VelosError } from "../domain/errors.ts";
import type { Problem } from "./problem.ts";
import { problemError } from "./problem.ts";
import { readFailure } from "./read-failure.ts";
import type { Place, Positions } from "./toml-positions.ts";
import { tomlPositions } from "./toml-positions.ts";

type Spot = Pick<Problem, "path" | "part">;

/** A TOML file that was read: what it says, and where. */
export interface TomlDocument {
  /** Integers are bigints, so that `1.0` can be told from `1`. */
  content: Record<string, unknown>;
  /** `velos.toml:12:3`. */
  where: (spot: Spot) => string;
  /**
   * Does nothing without problems.
   * @throws VelosError for the first problem in the order of the file, saying how many more there are
   */
  refuse: (problems: readonly Problem[]) => void;
}

/**
 * Reads a TOML file.
 * @param shown its path as errors show it
 * @throws VelosError CONFIG_NOT_FOUND (its `cause` is the error of the file system), CONFIG_INVALID for bad syntax
 */
export const readTomlDocument = async (path: string, shown: string): Promise<TomlDocument> => {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    throw new VelosError("CONFIG_NOT_FOUND", { path: shown, why: readFailure(error) }, { cause: error });
  }
  const content = await parseToml(text, shown);
  let positions: Positions | undefined;
  const place = ({ path: at, part }: Spot): Place => (positions ??= tomlPositions(text))[part](at);
  const where = (spot: Spot): string => {
    const { line, column } = place(spot);
    return `${shown}:${line}:${column}`;
  };
  return {
    content,
    where,
    refuse: (problems) => {
      const inOrder = problems
        .map((problem) => ({ problem, ...place(problem) }))
        .sort((a, b) => a.line - b.line || a.column - b.column);
      const first = inOrder[0]?.problem;
      if (first !== undefined) throw problemError(first, where(first), problems.length - 1);
    },
  };
};

const parseToml = async (text: string, shown: string): Promise<Record<string, unknown>> => {
  const { parse, TomlError } = await import("smol-toml");
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const why = error.message.split("\n")[0]!.replace("Invalid TOML document: ", "");
    const where = `${shown}:${error.line}:${error.column}`;
    const isOthers = /\.(?:[cm]?js|json|ya?ml)$/.test(shown);
    const hint = isOthers
      ? `this is not TOML; \`velos import ${shown}\` makes a velos.toml of what pm2 reads`
      : "this is not valid TOML; texts need quotes";
    throw new VelosError("CONFIG_INVALID", { where, why, hint }, { cause: error });
  }
};
