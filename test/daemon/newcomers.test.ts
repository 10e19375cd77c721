import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newcomersAnswered } from "../../src/daemon/newcomers.ts";

let directory: string;
let server: Server;
let answers: boolean;
const sockets = new Set<Socket>();
const clients: Socket[] = [];
const newClient = async (): Promise<Socket> => {
  const client = connect(join(directory, "s"));
  clients.push(client);
  await Promise.all([once(client, "connect"), once(server, "connection")]);
  return client;
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "velos-newcomers-"));
  answers = true;
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", () => answers && socket.write("answer\n"));
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(join(directory, "s"));
  await once(server, "listening");
});
afterEach(() => {
  for (const socket of [...clients.splice(0), ...sockets]) socket.destroy();
  server.close();
  rmSync(directory, { recursive: true });
});

it("waits for who has connected and not asked yet", async () => {
  const [first, second] = [await newClient(), await newClient()];
  first.write("question\n");
  const done = newcomersAnswered(sockets);
  setImmediate(() => second.write("question\n"));
  await done;
  expect([...sockets].map(({ bytesWritten }) => bytesWritten)).toEqual([7, 7]);
});

it("does not wait for who has been answered, nor for who has gone", async () => {
  const [first, second] = [await newClient(), await newClient()];
  first.write("question\n");
  await once(first, "data");
  second.destroy();
  first.write("another\n");
  // Longer than a test may take.
  await newcomersAnswered(sockets, 120_000);
});

it("does not wait for ever", async () => {
  answers = false;
  const client = await newClient();
  client.write("question\n");
  await newcomersAnswered(sockets);
  expect(client.bytesRead).toBe(0);
});
