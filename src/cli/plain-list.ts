import { Connection } from "../client/connection.ts";
import type { Scope } from "../config/paths.ts";
import { resolvePaths } from "../config/paths.ts";
import { DEFAULT_WIDTH } from "./render/table.ts";
import { createStyle } from "./render/style.ts";
import { settledText } from "./settled.ts";

/** What takes longer is for the whole CLI, which knows why velosd may not answer. */
const PATIENCE_MS = 1000;

/**
 * `velos list` of everything, where velosd is there and all goes well: what people type most, without the parser of
 * command lines, which would take a third of its time. Resolves to false, and has written nothing, where the whole CLI
 * has to see to it.
 */
export const plainList = async (scope: Scope, env: NodeJS.ProcessEnv): Promise<boolean> => {
  let daemon: Connection | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    daemon = await Connection.open(resolvePaths(scope, env).socket);
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, undefined)));
    const answer = await Promise.race([daemon.call("list", {}), late]);
    if (answer === undefined || answer.problems.length > 0) return false;
    const { apps } = answer;
    const { stdout } = process;
    // `velos list | head -1`: the reader has what it wanted.
    stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
    stdout.write(`${settledText(apps, createStyle({ stdout, env }), stdout.columns || DEFAULT_WIDTH)}\n`);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    daemon?.close();
  }
};
