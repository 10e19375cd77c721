import { chmod, chown, readFile, rm } from "node:fs/promises";
import type { Server } from "node:net";
import { join } from "node:path";
import { makeDirectories } from "../backend/make-directories.ts";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { lockName } from "./abstract-lock.ts";
import { checkDirectories } from "./check-directories.ts";
import { lockFile } from "./file-lock.ts";

/** First descriptor that the service manager passes (sd_listen_fds(3)). */
const LISTEN_FDS_START = 3;

/** What keeps another velosd of the scope from serving. */
export interface Lock {
  close: () => void;
}

/**
 * Takes the lock that makes velosd one per scope, for as long as this process is there.
 *
 * It is the state directory that must not have two, so the lock is that of a file in it: exact however many start at the
 * same moment, gone with the process, the same for containers that share the directory, and out of reach for other users.
 * The name that velosd of earlier builds took is taken as well, so that one of those and this one keep each other out, but
 * somebody else who holds it keeps nobody away; see abstract-lock.ts.
 * @throws VelosError DAEMON_RUNNING, PATH_UNSAFE
 */
export const takeLock = async (paths: Paths): Promise<Lock> => {
  const running = (): VelosError => new VelosError("DAEMON_RUNNING", { where: paths.socket });
  // Before a file is made in a directory that is not velosd's own.
  checkDirectories(paths);
  try {
    makeDirectories(paths.state, 0o700);
  } catch {
    // The store says so, and why.
  }
  const releaseFile = await lockFile(join(paths.state, "velosd.lock"));
  if (releaseFile === undefined) throw running();
  const releaseName = await lockName(`velosd:${process.getuid?.() ?? 0}:${paths.state}`);
  if (releaseName === undefined) {
    releaseFile();
    throw running();
  }
  return {
    // The name first: who gets the file finds the name free.
    close: () => {
      releaseName();
      releaseFile();
    },
  };
};

/** True when the service manager passed velosd's socket. */
export const isActivated = (env: Readonly<Record<string, string | undefined>>, pid: number): boolean =>
  env["LISTEN_PID"] === String(pid) && Number(env["LISTEN_FDS"] ?? 0) >= 1;

/**
 * Listens on velosd's socket: the one the service manager passed, or one of its own, which only the owner (in the
 * system scope also the group `velos`, where it exists) may open.
 */
export const listenOnSocket = async (server: Server, paths: Paths, activated: boolean): Promise<void> => {
  if (activated) {
    await listening(server, { fd: LISTEN_FDS_START });
    return;
  }
  makeDirectories(paths.runtime, paths.scope === "system" ? 0o750 : 0o700);
  // The lock is ours, so whoever made this socket is dead.
  await rm(paths.socket, { force: true });
  await listening(server, { path: paths.socket });
  await chmod(paths.socket, paths.scope === "system" ? 0o660 : 0o600);
  const group = paths.scope === "system" ? await groupId("velos") : undefined;
  if (group !== undefined) {
    await chown(paths.socket, 0, group);
    await chown(paths.runtime, 0, group);
  }
};

const listening = async (server: Server, where: { fd: number } | { path: string }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });

const groupId = async (name: string): Promise<number | undefined> => {
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  const line = groups.split("\n").find((candidate) => candidate.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(":")[2]);
};
