import { readdir, readFile, readlink } from "node:fs/promises";
import type { ListenAddress } from "../domain/listen.ts";

/** State of a listening socket in /proc/net/tcp (proc(5)). */
const LISTEN = "0A";

const lines = async (path: string): Promise<string[][]> =>
  (await readFile(path, "utf8").catch(() => ""))
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));

/** Inodes of the sockets that listen at an address. */
const listeners = async (address: ListenAddress): Promise<Set<string>> => {
  if ("path" in address) {
    const rows = await lines("/proc/net/unix");
    return new Set(rows.filter((row) => row[7] === address.path).map((row) => row[6]!));
  }
  const port = address.port.toString(16).toUpperCase().padStart(4, "0");
  const rows = [...(await lines("/proc/net/tcp")), ...(await lines("/proc/net/tcp6"))];
  return new Set(rows.filter((row) => row[3] === LISTEN && row[1]?.endsWith(`:${port}`)).map((row) => row[9]!));
};

/**
 * Whether something listens at an address already, and who, where this process may see it.
 * @returns undefined when nobody does; else ` by nginx (pid 12)`, or an empty text
 */
export const portOwner = async (address: ListenAddress): Promise<string | undefined> => {
  const inodes = await listeners(address);
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (!inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "")) continue;
      const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
      return ` by ${name} (pid ${pid})`;
    }
  }
  return "";
};
