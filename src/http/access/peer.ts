import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";

/** One end of a TCP connection. */
interface End {
  address: string;
  port: number;
}

/** States in which a socket has an owner: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT. */
const OWNED = new Set(["01", "04", "05", "08"]);

/** True for an address that only this machine can have sent from. */
export const isLoopback = (address: string): boolean =>
  /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address) || address === "::1";

/**
 * The user who has the socket at the other end of a loopback connection, as the kernel lists it in /proc/net/tcp.
 * Undefined when it cannot be told: the socket is gone, or there is no such list.
 */
export const peerUid = async (socket: Socket, read = readTables): Promise<number | undefined> => {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || localAddress === undefined || !isLoopback(remoteAddress)) return undefined;
  const peer = { address: remoteAddress, port: remotePort! };
  const own = { address: localAddress, port: localPort! };
  const uid = findUid(await read(), peer, own);
  // The kernel says 0 of a socket that has lost its owner. That it has none shows in the same line, but the two are
  // read one after the other: only what is root's twice is root's.
  if (uid === 0 && findUid(await read(), peer, own) !== 0) return undefined;
  return uid;
};

const readTables = async (): Promise<string[]> =>
  Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map(async (path) => readFile(path, "utf8").catch(() => "")));

/** The owner of the socket whose own end is `peer` and whose other end is `own`. */
export const findUid = (tables: readonly string[], peer: End, own: End): number | undefined => {
  const wanted = new Set(
    formsOf(peer.address).flatMap((local) =>
      formsOf(own.address).map((remote) => `${local}:${hexPort(peer.port)} ${remote}:${hexPort(own.port)}`),
    ),
  );
  for (const table of tables) {
    for (const line of table.split("\n")) {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
      const [, local, remote, state, , , , uid, , inode] = line.trim().split(/\s+/);
      if (!wanted.has(`${local} ${remote}`)) continue;
      return OWNED.has(state ?? "") && inode !== "0" ? Number(uid) : undefined;
    }
  }
  return undefined;
};

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");

/** How the kernel may write an address: an IPv4 one also as IPv6. Each four bytes are a number of this machine. */
const formsOf = (address: string): string[] => {
  const ipv4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (!ipv4) return [`000000000000000000000000${word([0, 0, 0, 1])}`];
  const own = word(ipv4.slice(1).map(Number));
  return [own, `0000000000000000${word([0, 0, 255, 255])}${own}`];
};

const word = (bytes: readonly number[]): string => {
  const ordered = isLittleEndian ? bytes.toReversed() : bytes;
  return ordered.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
};

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
