import { chmodSync, chownSync, closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { AppSpec } from "../domain/app.ts";
import { usesLoadTable } from "../domain/load-table.ts";
import { findAccount } from "./spawn/account.ts";

/**
 * Makes the file in which an app's instances tell each other how many connections keep them busy, where there is none:
 * the app's user may write it, and nobody else look at it. velosd itself never reads it. Where it cannot be made, or its
 * user is not known before systemd makes one (DynamicUser), the instances do without: they close connections by age.
 */
export const makeLoadTable = (path: string, spec: AppSpec): void => {
  if (!usesLoadTable(spec)) return;
  try {
    mkdirSync(dirname(path), { recursive: true });
    // Users of apps pass through, and see no other app's.
    chmodSync(dirname(path), 0o711);
    closeSync(openSync(path, "a", 0o600));
    const account = findAccount(spec.user, spec.group);
    if (account) chownSync(path, account.uid, account.gid);
  } catch {
    // An app is worth more than an even load.
  }
};

export const removeLoadTable = (path: string): void => rmSync(path, { force: true });
