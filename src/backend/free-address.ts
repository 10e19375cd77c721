import { lstatSync } from "node:fs";
import net from "node:net";
import type { ListenAddress } from "../domain/listen.ts";
import { hasSocket, listeners } from "./listening-sockets.ts";
import { familyOf, hasProc, readAllProcesses } from "./spawn/process-table.ts";

/** What is to end before the address is needed: its processes, and whether they may listen by themselves. */
export interface Leaving {
  pids: readonly number[];
  listensItself: boolean;
}

/**
 * Why an address cannot be had, as the code of an error (EADDRINUSE, EADDRNOTAVAIL …), without keeping it: it is bound
 * and let go. Undefined when it can be had, when what leaves has it, or when that cannot be told.
 */
export const whyUnavailable = async (address: ListenAddress, leaving: Leaving): Promise<string | undefined> => {
  const code = "path" in address ? await whyNoPath(address.path) : await whyNoPort(address);
  if (code === "EACCES" && "port" in address) {
    // It may be the fence around velosd, which binds nothing itself; who is there already can be seen all the same.
    if ((await listeners(address)).size === 0) return process.getuid?.() === 0 ? undefined : code;
    return (await isLeaving(address, leaving)) ? undefined : "EADDRINUSE";
  }
  return code === "EADDRINUSE" && (await isLeaving(address, leaving)) ? undefined : code;
};

const whyNoPort = ({ host, port }: { host?: string; port: number }): Promise<string | undefined> =>
  new Promise((resolve) => {
    const probe = net.createServer();
    probe.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
    // Exclusive: nobody else's listening socket is shared. Without a host it is IPv6 and IPv4, or IPv4 alone.
    probe.listen({ port, ...(host !== undefined && { host }), exclusive: true, backlog: 1 }, () =>
      probe.close(() => resolve(undefined)),
    );
  });

/** Of a path only that somebody answers there is told: what is left of one that was killed is in nobody's way. */
const whyNoPath = async (path: string): Promise<string | undefined> => {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return undefined;
  return new Promise((resolve) => {
    const probe = net.connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve("EADDRINUSE");
    });
    probe.once("error", () => resolve(undefined));
  });
};

/** True when the processes that leave, or those they have started, listen there; also when that cannot be told. */
const isLeaving = async (address: ListenAddress, { pids, listensItself }: Leaving): Promise<boolean> => {
  if (!hasProc) return listensItself;
  const inodes = await listeners(address);
  const all = readAllProcesses();
  for (const { pid } of pids.flatMap((leader) => familyOf(leader, all)))
    if ((await hasSocket(pid, inodes)) !== false) return true;
  return false;
};
