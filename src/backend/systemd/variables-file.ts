import type { RunVariables } from "../../domain/run-variables.ts";
import { environmentFileText, writeOrRemove } from "./drop-in.ts";

const write = async (path: string, variables: Readonly<Record<string, string>>): Promise<void> =>
  // What they tell is for telemetry: without them the app runs all the same.
  writeOrRemove(path, environmentFileText(variables), 0o600).catch(() => {});

/**
 * Brings up a run of a unit that reads its variables from this file. Environment= cannot be set on a unit that is there,
 * but files are read anew at each run: so what is for this run only is taken out again when the run is up.
 */
export const withVariables = async (
  path: string,
  { lasting, once }: RunVariables,
  run: () => Promise<void>,
): Promise<void> => {
  await write(path, { ...lasting, ...once });
  try {
    await run();
  } finally {
    if (Object.keys(once).length > 0) await write(path, lasting);
  }
};
