import { readdir, readFile } from "node:fs/promises";
import type { ListenAddress } from "../domain/listen.ts";
import { hasSocket, listeners } from "./listening-sockets.ts";

/**
 * Whether something listens at an address already, and who, where this process may see it.
 * @returns undefined when nobody does; else ` by nginx (pid 12)`, or an empty text
 */
export const portOwner = async (address: ListenAddress): Promise<string | undefined> => {
  const inodes = await listeners(address);
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if ((await hasSocket(pid, inodes)) !== true) continue;
    const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
    return ` by ${name} (pid ${pid})`;
  }
  return "";
};
