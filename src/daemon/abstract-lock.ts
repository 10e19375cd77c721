import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
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
  return error.code === "EADDRINUSE" && isHeldByVelosd(name) ? undefined : () => {};
};

const isHeldByVelosd = (name: string): boolean => {
  const sockets = socketsOf(name);
  return readdirSync("/proc").some((entry) => /^\d+$/.test(entry) && isOurVelosd(entry) && hasOpen(entry, sockets));
};

/** As /proc/PID/fd shows the sockets of a name. In /proc/net/unix a zero is a `@`; older Node fills a name up with them. */
const socketsOf = (name: string): Set<string> => {
  const isNamed = (row: string): boolean => unfilled(row).endsWith(` @${unfilled(name)}`);
  const rows = read("/proc/net/unix").split("\n").filter(isNamed);
  return new Set(rows.map((row) => `socket:[${row.trim().split(/\s+/)[6]}]`));
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

const hasOpen = (pid: string, sockets: ReadonlySet<string>): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => sockets.has(linkOf(`/proc/${pid}/fd/${descriptor}`)));
  } catch {
    return false;
  }
};

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
