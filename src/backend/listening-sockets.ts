import { readdir, readFile, readlink } from "node:fs/promises";
import { endianness } from "node:os";
import type { ListenAddress } from "../domain/listen.ts";
import { overlap } from "../domain/listen.ts";

/** State of a listening socket in /proc/net/tcp (proc(5)). */
const LISTEN = "0A";

const lines = async (path: string): Promise<string[][]> =>
  (await readFile(path, "utf8").catch(() => ""))
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));

/** `0100007F:1F90` as an address: words of 32 bits, each as the machine keeps it. */
const socketAddress = (written: string): ListenAddress => {
  const [host = "", port = ""] = written.split(":");
  const words = (host.match(/.{8}/g) ?? []).map((word) => {
    const bytes = Buffer.from(word, "hex");
    return endianness() === "LE" ? bytes.reverse() : bytes;
  });
  const bytes = Buffer.concat(words);
  const mapped = host.startsWith("0000000000000000FFFF0000") || bytes.length === 4;
  const text = mapped ? bytes.subarray(-4).join(".") : bytes.toString("hex").match(/.{4}/g)!.join(":");
  return { host: text, port: Number.parseInt(port, 16) };
};

/** Inodes of the sockets because of which nobody else can listen at an address. */
export const listeners = async (address: ListenAddress): Promise<Set<string>> => {
  if ("path" in address) {
    const rows = await lines("/proc/net/unix");
    return new Set(rows.filter((row) => row[7] === address.path).map((row) => row[6]!));
  }
  const rows = [...(await lines("/proc/net/tcp")), ...(await lines("/proc/net/tcp6"))];
  return new Set(
    rows.filter((row) => row[3] === LISTEN && overlap(socketAddress(row[1]!), address)).map((row) => row[9]!),
  );
};

/**
 * Whether a process has one of these sockets open.
 * @param inodes as `listeners` tells them
 * @returns undefined where it may not be looked at
 */
export const hasSocket = async (pid: number | string, inodes: ReadonlySet<string>): Promise<boolean | undefined> => {
  let descriptors: string[];
  try {
    descriptors = await readdir(`/proc/${pid}/fd`);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES" ? undefined : false;
  }
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    if (inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "")) return true;
  }
  return false;
};
