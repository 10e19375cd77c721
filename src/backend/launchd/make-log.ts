import { chmodSync, chownSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Account } from "../spawn/account.ts";

/**
 * Makes an instance's log file, which launchd opens to append to: as the user that the job runs as, who therefore has
 * to be let pass on the way there.
 */
export const makeLog = (path: string, stateDir: string, account: Account | undefined): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  closeSync(openSync(path, "a", 0o640));
  if (account === undefined) return;
  chownSync(path, account.uid, account.gid);
  for (const directory of [stateDir, join(stateDir, "logs"), dirname(path)]) {
    const { mode } = statSync(directory);
    if ((mode & 0o001) === 0) chmodSync(directory, (mode & 0o7777) | 0o011);
  }
};
