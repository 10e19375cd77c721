import { chmod, chown, readFile, rm } from "node:fs/promises";
import type { Server } from "node:net";
import { createServer } from "node:net";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { makeDirectories } from "../backend/make-directories.ts";

/** First descriptor that the service manager passes (sd_listen_fds(3)). */
const LISTEN_FDS_START = 3;

/**
 * Takes the lock that makes velosd one per scope: an abstract socket, which the kernel frees with the process, however
 * it ends. The state directory names it, so that scopes and test homes do not meet.
 * @throws VelosError DAEMON_RUNNING
 */
export const takeLock = async (paths: Paths): Promise<Server> => {
  const lock = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    lock.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new VelosError("DAEMON_RUNNING", { where: paths.socket }) : error),
    );
    lock.listen(`\0velosd:${process.getuid?.() ?? 0}:${paths.state}`, () => resolve());
  });
  lock.unref();
  return lock;
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
