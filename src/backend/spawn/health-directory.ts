import { createHash } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { SOCKET_PATH_LIMIT } from "../../config/paths.ts";
import type { AppSpec } from "../../domain/app.ts";
import { findAccount } from "./account.ts";
import { failed } from "./failed.ts";

/** Path of the socket at which an instance is asked for its health. A long name of an app is shortened to fit. */
export const healthSocketOf = (stateDir: string, app: string, index: number): string => {
  const path = join(stateDir, "health", `${app}-${index}`, "s");
  if (Buffer.byteLength(path) <= SOCKET_PATH_LIMIT) return path;
  const short = createHash("sha256").update(`${app}-${index}`).digest("hex").slice(0, 16);
  return join(stateDir, "health", short, "s");
};

/** Makes the directory of a run's health socket, empty, which nobody but the instance's user may enter. */
export const makeHealthDirectory = (stateDir: string, spec: AppSpec, path: string): void => {
  if (Buffer.byteLength(path) > SOCKET_PATH_LIMIT)
    throw failed(`the path of its health socket is too long: ${path}`, "set VELOS_HOME to a shorter path");
  removeHealthDirectory(path);
  mkdirSync(dirname(dirname(path)), { recursive: true, mode: 0o711 });
  mkdirSync(dirname(path), { mode: 0o700 });
  giveTo(dirname(path), stateDir, spec);
};

export const removeHealthDirectory = (path: string): void => rmSync(dirname(path), { recursive: true, force: true });

/**
 * Gives a directory below the state directory to the user that the app runs as, and lets them pass on the way there.
 * They see nothing else: what is secret is in directories that are velosd's alone.
 */
export const giveTo = (directory: string, stateDir: string, spec: AppSpec): void => {
  const account = findAccount(spec.user, spec.group);
  if (account === undefined) return;
  chownSync(directory, account.uid, account.gid);
  const { mode } = statSync(stateDir);
  if ((mode & 0o001) === 0) chmodSync(stateDir, (mode & 0o7777) | 0o011);
};
