import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { hasSocket } from "../backend/listening-sockets.ts";
import type { Release } from "./file-lock.ts";

/**
 * Takes a name of the abstract sockets (unix(7)), which was the whole lock of velosd in earlier builds, and is what there
 * is where no file can be locked. Such a name has no owner and no permissions: any user may hold it, to keep velosd away. So one that
 * is in use counts only when a velosd of this user holds it, as far as /proc tells; else this one does without.
 * @returns undefined when another velosd of this user holds it
 */
export const lockName = async (name: string): Promise<Release | undefined> => {
  if (process.platform !== "linux") return () => {};
  const server = createServer((socket) => socket.destroy());
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once("error", resolve);
    server.listen(`\0${name}`, () => resolve(undefined));
  });
  if (error === undefined) return () => void server.unref().close();
  return error.code === "EADDRINUSE" && (await isHeldByVelosd(name)) ? undefined : () => {};
};

const isHeldByVelosd = async (name: string): Promise<boolean> => {
  const inodes = inodesOf(name);
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)))
    if (isOurVelosd(pid) && (await hasSocket(pid, inodes)) === true) return true;
  return false;
};

/** Inodes of the sockets of a name. In /proc/net/unix a zero is a `@`; older Node fills a name up with them. */
const inodesOf = (name: string): Set<string> => {
  const isNamed = (row: string): boolean => unfilled(row).endsWith(` @${unfilled(name)}`);
  const rows = read("/proc/net/unix").split("\n").filter(isNamed);
  return new Set(rows.map((row) => row.trim().split(/\s+/)[6]!));
};

const unfilled = (text: string): string => text.replace(/@+$/, "");

/** By all four of its user ids: a program that was given its file's owner as user (su, passwd) is of whoever runs it. */
const isOurVelosd = (pid: string): boolean => {
  const ids = /^Uid:\s+(.+)$/m.exec(read(`/proc/${pid}/status`))?.[1]?.split(/\s+/) ?? [];
  return (
    ids.length === 4 &&
    ids.every((id) => Number(id) === process.getuid?.()) &&
    // Also the one inside of `velos run`.
    read(`/proc/${pid}/cmdline`).includes("velos")
  );
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
