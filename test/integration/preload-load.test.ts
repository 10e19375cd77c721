import { mkdirSync, readFileSync, readlinkSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openClient, type Client } from "../preload/client.ts";
import { fixture, makeHarness, type Harness, type Instance } from "../preload/harness.mjs";

let harness: Harness;
beforeAll(() => {
  harness = makeHarness();
});
afterEach(async () => harness.clear());
afterAll(async () => harness.close());

/** An app that has no instance yet, and its load table. */
const makeApp = (ageMs = 60_000) => {
  const sockets = harness.hold({});
  const { port } = sockets.addresses[0]!;
  const table = join(harness.directory, `table-${port}`);
  writeFileSync(table, "");
  return {
    port: port,
    table,
    start: async (index: number): Promise<Instance> => {
      const env = { PORT: String(port), VELOS_MAX_CONNECTION_AGE: String(ageMs), VELOS_LOAD_TABLE: table };
      const instance = harness.start({ index, args: [fixture("server.cjs")], sockets, env });
      await instance.ready;
      return instance;
    },
  };
};

const entryOf = (table: string, index: number): [pid: number, connections: number] | undefined => {
  const bytes = readFileSync(table);
  if (bytes.length < (index + 1) * 8) return undefined;
  return [bytes.readInt32LE(index * 8), bytes.readInt32LE(index * 8 + 4)];
};

/** A place in the table as an instance would write it. */
const entry = (...numbers: number[]): Buffer => Buffer.from(Int32Array.from(numbers).buffer);

/** Clients that ask on and on, and come back when they are told to; each knows who answered it last. */
class Clients {
  readonly #where: { port: number };
  readonly #clients: (Client | undefined)[] = [];
  closed = 0;
  /** Index of the instance by client. */
  readonly at: string[] = [];

  constructor(where: { port: number }, count: number) {
    this.#where = where;
    this.at.length = count;
  }

  /** One request of each. */
  async ask(): Promise<void> {
    for (let i = 0; i < this.at.length; i++) {
      const client = (this.#clients[i] ??= await openClient(this.#where));
      const { head, connection } = await client.ask("/");
      this.at[i] = /x-instance: (\d+)/i.exec(head)![1]!;
      if (connection !== "close") continue;
      this.closed++;
      this.#clients[i] = undefined;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** How many the instances have, most first. */
  spread(): number[] {
    const instances = [...new Set(this.at)];
    return instances.map((one) => this.at.filter((other) => other === one).length).sort((a, b) => b - a);
  }

  async until(what: () => boolean): Promise<void> {
    do await this.ask();
    while (!what());
  }
}

test("connections that one instance has too many of move to the others, and then stay", async () => {
  const { table, ...app } = makeApp();
  const first = await app.start(0);
  const clients = new Clients(app, 8);
  await clients.until(() => entryOf(table, 0)?.[1] === 8);
  // Alone it keeps what it has.
  expect([clients.closed, clients.spread()]).toEqual([0, [8]]);
  const second = await app.start(1);
  await clients.until(
    () =>
      String([entryOf(table, 0), entryOf(table, 1)]) ===
      String([
        [first.pid, 4],
        [second.pid, 4],
      ]),
  );
  await clients.until(() => String(clients.spread()) === "4,4");
  // Four at least; some came back to where they were.
  expect(clients.closed).toBeGreaterThanOrEqual(4);
  const { closed } = clients;
  for (let i = 0; i < 100; i++) await clients.ask();
  expect([clients.closed - closed, clients.spread()]).toEqual([0, [4, 4]]);
});

test("an instance without a connection gets its share; one that is gone, or is going, gets none", async () => {
  const { table, ...app } = makeApp();
  const first = await app.start(0);
  const second = await app.start(1);
  const clients = new Clients(app, 6);
  await clients.until(() => String(clients.spread()) === "3,3");
  await clients.until(() => String(entryOf(table, 1)) === String([second.pid, 3]));
  await harness.stop(second);
  expect(entryOf(table, 1)).toEqual([0, 0]);
  // Killed it could not take itself off the table, and neither could a third.
  writeFileSync(table, Buffer.concat([entry(first.pid, 3), entry(second.pid, 0), entry(second.pid, 0)]));
  const left = new Clients(app, 6);
  await left.until(() => entryOf(table, 0)?.[1] === 6);
  for (let i = 0; i < 60; i++) await left.ask();
  expect(left.closed).toBe(0);
});

test("connections count until they are closed, or nothing has come for the maximal age", async () => {
  const { table, ...app } = makeApp(400);
  await app.start(0);
  const clients = new Clients(app, 3);
  await clients.until(() => entryOf(table, 0)?.[1] === 3);
  const closing = await openClient(app);
  await closing.ask("/");
  await clients.until(() => entryOf(table, 0)?.[1] === 4);
  closing.socket.destroy();
  await clients.until(() => entryOf(table, 0)?.[1] === 3);
  // Nobody asks any more.
  while (entryOf(table, 0)?.[1] !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
  // And again: what has not counted for a while counts as before.
  await clients.until(() => entryOf(table, 0)?.[1] === 3);
  expect(clients.closed).toBe(0);
});

test("no request of a pipeline is cut off by a move", async () => {
  const { table, ...app } = makeApp();
  await app.start(0);
  const clients = new Clients(app, 4);
  await clients.until(() => entryOf(table, 0)?.[1] === 4);
  const pipelining = await openClient(app);
  // The second instance has nothing for ever: what it says of itself is not true, it does not listen.
  writeFileSync(table, Buffer.concat([entry(...entryOf(table, 0)!), entry(process.pid, 0)]));
  for (let closed = false; !closed;) {
    pipelining.send("/", "/", "/");
    const answers = [await pipelining.next(), await pipelining.next(), await pipelining.next()];
    expect(answers.map(({ connection }) => connection).slice(0, 2)).toEqual(["keep-alive", "keep-alive"]);
    closed = answers[2]!.connection === "close";
  }
});

test.each([
  ["is gone", (table: string) => rmSync(table)],
  ["has become a directory", (table: string) => (rmSync(table), mkdirSync(table))],
  ["is not what it was", (table: string) => writeFileSync(table, Buffer.alloc(5000, 0xff))],
])("a table that %s does no harm", async (_, harm) => {
  const { table, ...app } = makeApp(300);
  const instance = await app.start(0);
  const clients = new Clients(app, 3);
  await clients.until(() => entryOf(table, 0)?.[1] === 3);
  harm(table);
  for (let i = 0; i < 60; i++) await clients.ask();
  expect(instance.output).toBe("");
});

test("the table is open for a moment only, and the app's children are not told of it", async () => {
  const { table, ...app } = makeApp();
  const instance = await app.start(0);
  const clients = new Clients(app, 2);
  await clients.until(() => entryOf(table, 0)?.[1] === 2);
  const directory = `/proc/${instance.pid}/fd`;
  const open = readdirSync(directory).map((fd) => {
    try {
      return readlinkSync(join(directory, fd));
    } catch {
      return "";
    }
  });
  expect(open).not.toContain(table);
});
