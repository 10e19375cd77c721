import { createServer } from "node:net";

/** Below the range from which the kernel takes ports for outgoing connections. */
const FIRST = 15_000;
const LAST = 32_000;

const given = new Set<number>();

const isFree = async (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });

/** A port on which nobody listens, another one at each call. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
};

/** The first of some ports in a row on which nobody listens. */
export const freePorts = async (count: number): Promise<number> => {
  for (;;) {
    const first = await freePort();
    const others = Array.from({ length: count - 1 }, (_, k) => first + 1 + k);
    if (others.some((port) => given.has(port))) continue;
    for (const port of others) given.add(port);
    if ((await Promise.all(others.map(isFree))).every(Boolean)) return first;
  }
};
