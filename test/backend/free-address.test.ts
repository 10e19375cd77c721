import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { whyUnavailable } from "../../src/backend/free-address.ts";
import { portOwner } from "../../src/backend/port-owner.ts";

const nobody = { pids: [], listensItself: false };
const me = { pids: [process.ppid], listensItself: true };

it("a port is had by nobody, by another, or by what leaves; and is free again after each look", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  for (const address of [{ port }, { host: "127.0.0.1", port }, { host: "0.0.0.0", port }]) {
    expect(await whyUnavailable(address, nobody)).toBe("EADDRINUSE");
    // This process is a descendant of the one that leaves.
    if (process.platform === "linux") expect(await whyUnavailable(address, me)).toBeUndefined();
  }
  expect(await whyUnavailable({ host: "127.0.0.2", port }, nobody)).toBeUndefined();
  expect(await portOwner({ host: "127.0.0.2", port })).toBeUndefined();
  expect(await portOwner({ port })).toContain(`(pid ${process.pid})`);
  await new Promise((resolve) => server.close(resolve));
  for (let look = 0; look < 3; look++) expect(await whyUnavailable({ port }, nobody)).toBeUndefined();
  expect(await whyUnavailable({ host: "192.0.2.1", port }, nobody)).toBe("EADDRNOTAVAIL");
});

it("a path is taken where somebody answers, and not by a file that was left behind", async () => {
  const directory = mkdtempSync(join(tmpdir(), "velos-path-"));
  const path = join(directory, "s");
  try {
    expect(await whyUnavailable({ path }, nobody)).toBeUndefined();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await whyUnavailable({ path }, nobody)).toBe("EADDRINUSE");
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(path, "");
    expect(await whyUnavailable({ path }, nobody)).toBeUndefined();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
