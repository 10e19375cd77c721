import { afterEach, beforeEach, describe, expect, it } from "vitest";
import Value from "typebox/value";
import { PushMessageSchema } from "../../src/api/push-messages.ts";
import type { ApiServer } from "./api-server.ts";
import { startApi } from "./api-server.ts";
import { PushClient } from "./push-client.ts";
import { SpawnHome } from "./spawn-home.ts";

let home: SpawnHome;
let server: ApiServer;
let clients: PushClient[];

const join = async (query = ""): Promise<PushClient> => {
  const client = await PushClient.open(`${server.url}/ws${query}`);
  clients.push(client);
  await client.until("the beginning", () => client.of("hello")[0] && (query !== "" || client.of("snapshot")[0]));
  return client;
};

const sleeper = (name = "api") => ({ name, command: ["sleep", "1000"] });

beforeEach(async () => {
  home = new SpawnHome();
  clients = [];
  server = await startApi(home.env);
});
afterEach(async () => {
  for (const client of clients) client.socket.terminate();
  await server.stop();
  await home.close();
});

/** Every message is one of the published schema, and the numbers have no gap. */
const checkAll = (client: PushClient): void => {
  for (const { receivedAt: _, ...message } of client.messages) {
    const [error] = Value.Errors(PushMessageSchema, message);
    expect(Value.Check(PushMessageSchema, message), `${JSON.stringify(message)} ${error?.message}`).toBe(true);
  }
  const { seqs } = client;
  expect(seqs).toEqual(seqs.map((_, at) => seqs[0]! + at));
};

describe("the WebSocket", () => {
  it("says hello, tells what there is, and then each change", async () => {
    const client = await join();
    expect(client.messages.slice(0, 2).map(({ type }) => type)).toEqual(["hello", "snapshot"]);
    expect(client.of("hello")[0]).toMatchObject({ access: "admin", resumed: false, topics: ["processes", "metrics"] });
    await server.ask("POST", "/api/processes", { ...sleeper(), instances: 2 });
    await client.until("both online", () => client.of("instance").some(({ online }) => online === 2));
    expect(client.of("app")[0]).toMatchObject({ name: "api", change: "created", app: { instances: 2 } });
    const { pid } = client
      .of("instance")
      .findLast(({ name, status }) => name === "api:0" && status === "online")!.instance!;
    process.kill(pid!, "SIGKILL");
    const again = await client.until("it comes back", () =>
      client.of("instance").find(({ name, instance }) => name === "api:0" && instance?.restarts === 1 && instance.pid),
    );
    expect(again.instance?.exit).toMatchObject({ signal: "SIGKILL" });
    const metrics = await client.until("figures", () =>
      client.of("metrics").find(({ instances }) => Object.keys(instances).length === 2),
    );
    expect(metrics.instances["api:1"]).toMatchObject({ memoryBytes: expect.any(Number), tasks: 1 });
    await server.ask("POST", "/api/processes/api/scale", { instances: 1 });
    await client.until("one less", () =>
      client.of("instance").some(({ name, instance }) => name === "api:1" && !instance),
    );
    await server.ask("DELETE", "/api/processes/api");
    await client.until("deleted", () => client.of("app").some(({ change, app }) => change === "deleted" && !app));
    checkAll(client);
  });

  it("tells how far a rollout is", async () => {
    await server.ask("POST", "/api/processes", {
      ...{ ...sleeper(), instances: 3, min_uptime: "10ms" },
      rollout: { pause: "0", min_ready: "50ms" },
    });
    const client = await join();
    await server.ask("POST", "/api/processes/api/restart", { rolling: true });
    const last = await client.until("the end", () =>
      client.of("rollout").find(({ rollout }) => rollout.status === "done"),
    );
    expect([last.replaced, last.total]).toEqual([3, 3]);
    const steps = client.of("rollout").map(({ replaced }) => replaced);
    expect(new Set(steps)).toEqual(new Set([0, 1, 2, 3]));
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    checkAll(client);
  });

  it("follows logs as they are subscribed to, the past first, each line once", async () => {
    const command = ["sh", "-c", "for i in $(seq 20); do echo line $i; echo ERROR $i; done; exec sleep 1000"];
    await server.ask("POST", "/api/processes", { name: "talk", command });
    const [all, errors] = [await join(), await join()];
    const lines = (client: PushClient) =>
      client.of("log").flatMap((message) => message.lines.map(({ message: text }) => text));
    all.send({ subscribe: ["logs:talk"], lines: 100, id: "a" });
    errors.send({ subscribe: ["logs:all"], lines: 5, level: "error" });
    await all.until("subscribed", () =>
      all.of("subscribed").some(({ id, topics }) => id === "a" && topics.includes("logs:talk")),
    );
    await all.until("the past", () => lines(all).length >= 40);
    await errors.until("the last errors", () => lines(errors).length >= 5);
    await server.ask("POST", "/api/processes/talk/restart");
    await all.until("what came", () => lines(all).length >= 80);
    await errors.until("the errors that came", () => lines(errors).length >= 25);
    const once = Array.from({ length: 20 }, (_, n) => [`line ${n + 1}`, `ERROR ${n + 1}`]).flat();
    expect(lines(all)).toEqual([...once, ...once]);
    expect(lines(errors)).toEqual([
      "ERROR 16",
      "ERROR 17",
      "ERROR 18",
      "ERROR 19",
      "ERROR 20",
      ...once.filter((text) => text.startsWith("E")),
    ]);

    const { cursor } = all.of("log").at(-1)!;
    all.socket.terminate();
    await server.ask("POST", "/api/processes/talk/restart");
    const next = await join();
    next.send({ subscribe: ["logs:talk"], cursor: cursor! });
    await next.until("what was missed", () => lines(next).length >= 40);
    expect(lines(next)).toEqual(once);
    errors.send({ unsubscribe: ["logs:all", "processes", "metrics"], id: 9 });
    const left = await errors.until("it is left", () => errors.of("subscribed").find(({ id }) => id === 9));
    expect(left.topics).toEqual([]);
    for (const client of [all, next]) checkAll(client);
  });

  it("goes on where a client was, or tells everything anew", async () => {
    await server.ask("POST", "/api/processes", sleeper());
    const first = await join();
    const { session } = first.of("hello")[0]!;
    const seq = first.seqs.at(-1)!;
    first.socket.terminate();
    await server.ask("POST", "/api/processes/api/restart");
    const second = await join(`?session=${session}&seq=${seq}`);
    await second.until("what was missed", () => second.of("instance").some(({ instance }) => instance?.restarts === 1));
    expect(second.of("hello")[0]!.resumed).toBe(true);
    expect(second.of("snapshot")).toEqual([]);
    expect(second.seqs[0]).toBe(seq + 1);
    for (const query of [
      `?session=${session}&seq=${seq + 1_000_000}`,
      `?session=other&seq=${seq}`,
      "?session=x&seq=-1",
      "?seq=1",
    ]) {
      const client = await join(query);
      await client.until("everything", () => client.of("snapshot")[0]);
      expect(client.of("hello")[0]!.resumed, query).toBe(false);
    }
    checkAll(second);
  });

  it("tells that velosd is away, and what has become when it is back", async () => {
    await server.ask("POST", "/api/processes", sleeper());
    const client = await join();
    process.kill(await home.daemonPid(), "SIGKILL");
    const away = await client.until("away", () => client.of("velosd").find(({ connected }) => !connected));
    expect(away.why).toMatch(/velosd/);
    await home.must("stop", "api");
    await client.until("back", () => client.of("velosd").find(({ connected }) => connected));
    const anew = await client.until("anew", () => client.of("snapshot")[1]);
    expect([anew.connected, anew.apps[0]!.name]).toEqual([true, "api"]);
    await client.until("stopped", () => {
      const running = client.of("app").at(-1)?.app?.running ?? anew.apps[0]!.running;
      return !running;
    });
    checkAll(client);
  });

  it("says what is wrong with a message, and goes on", async () => {
    const client = await join();
    const wrong = [
      ["{", /not JSON/],
      ["[]", /subscribe, unsubscribe or ping/],
      ["null", /subscribe, unsubscribe or ping/],
      ['{"subscribe":"processes"}', /^subscribe: \/subscribe must be array/],
      ['{"subscribe":["everything"]}', /^subscribe: \/subscribe\/0/],
      ['{"subscribe":["logs:api"],"lines":-1}', /^subscribe: \/lines/],
      ['{"ping":true,"more":1}', /^ping: /],
    ] as const;
    for (const [at, [text, why]] of wrong.entries()) {
      client.socket.send(text);
      const error = await client.until(text, () => client.of("error")[at]);
      expect(error.detail).toMatch(why);
    }
    client.send({ subscribe: ["logs:nope"], id: 5 });
    const refused = await client.until("refused", () => client.of("error").find(({ id }) => id === 5));
    expect(refused).toMatchObject({ topic: "logs:nope", code: "APP_NOT_FOUND" });
    client.socket.send(Buffer.from("{}"), { binary: true });
    client.send({ ping: true, id: 7 });
    await client.until("pong", () => client.of("pong").find(({ id }) => id === 7));
    client.socket.send("x".repeat(40_000));
    await client.until("closed", () => client.closed);
    expect(client.closed?.code).toBe(1009);
    checkAll(client);
  });

  it("a client that sends too much is told to go", async () => {
    const client = await join();
    for (let n = 0; n < 200; n++) client.send({ ping: true });
    await client.until("closed", () => client.closed);
    expect(client.closed).toMatchObject({ code: 1008, reason: expect.stringContaining("messages in a second") });
  });

  it("a client that does not read is dropped at a bound, and the others are told everything meanwhile", async () => {
    const [good, slow] = [await join(), await join()];
    // What comes with each snapshot: more than the buffers between the two processes take.
    const command = ["sh", "-c", "exec sleep 1000", ...Array.from({ length: 7 }, () => "x".repeat(120_000))];
    await server.ask("POST", "/api/processes", { name: "large", command });
    slow.socket.pause();
    for (let round = 0; round < 20; round++) {
      slow.send({ unsubscribe: ["processes"] });
      slow.send({ subscribe: ["processes"] });
    }
    // A question that is answered after all that were asked before it.
    good.send({ ping: true, id: "now" });
    await good.until("pong", () => good.of("pong").find(({ id }) => id === "now"));
    await server.ask("POST", "/api/processes/large/restart");
    await good.until("it is back", () =>
      good.of("instance").some(({ instance, status }) => instance?.restarts === 1 && status === "online"),
    );
    slow.socket.resume();
    await slow.until("closed", () => slow.closed);
    expect(slow.closed).toMatchObject({ code: 1013, reason: expect.stringContaining("too slow") });
    expect(slow.of("snapshot").length).toBeLessThan(20);
    checkAll(good);
  });
});
