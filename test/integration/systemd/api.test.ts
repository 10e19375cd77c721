import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApiServer } from "../api-server.ts";
import { startApi } from "../api-server.ts";
import { PushClient } from "../push-client.ts";
import { useScene } from "./scene.ts";
import { systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();
let api: ApiServer | undefined;
const clients: PushClient[] = [];

/** What curl prints, and the status. */
const curl = async (path: string, ...args: string[]): Promise<{ status: number; body: string }> => {
  const { stdout } = await promisify(execFile)("curl", ["-sS", "-w", "\n%{http_code}", ...args, `${api!.url}${path}`]);
  const cut = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut) };
};
const json = async (path: string, ...args: string[]) => JSON.parse((await curl(path, ...args)).body) as never;

beforeEach(async () => {
  api = undefined;
});
// Before the scene is closed: what still asks would start velosd again.
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await api?.stop();
});

describe("velos api under systemd", () => {
  it("does what the requirements say, for curl and a WebSocket client", async () => {
    // A name of its own: the journal keeps what apps of other tests have logged.
    const app = `books-${randomUUID().slice(0, 8)}`;
    api = await startApi(scene.env); // 6.5.2
    const client = await PushClient.open(`${api.url}/ws`); // 6.5.9
    clients.push(client);
    await client.until("snapshot", () => client.of("snapshot")[0]);

    const script = scene.script("app.sh", "echo starting; echo 'ERROR no config'; exec sleep 1000");
    const start = await curl("/api/processes", "--json", JSON.stringify({ name: app, script, instances: 3 })); // 6.5.5
    expect(start.status).toBe(201);
    expect((await systemctl("is-active", `velos-${app}@2.service`)).trim()).toBe("active");

    const { apps } = await json("/api/processes"); // 6.5.3
    expect(apps).toMatchObject([{ name: app, backend: "systemd", online: 3 }]);
    const one: { unit: string; memoryBytes: number } = await json(`/api/processes/${app}:2`); // 6.5.4
    expect(one.unit).toBe(`velos-${app}@2.service`);
    expect(one.memoryBytes).toBeGreaterThan(10_000);

    const errors = await until("the log", async () => {
      const page: { lines: { message: string; level: string }[] } = await json(
        `/api/logs/${app}?lines=100&level=error`,
      ); // 6.5.8
      return page.lines.length === 3 && page.lines;
    });
    expect(errors.every(({ message, level }) => message === "ERROR no config" && level === "error")).toBe(true);

    await client.until("three online", () => client.of("instance").some(({ online }) => online === 3));
    await client.until("figures", () =>
      client.of("metrics").find(({ instances }) => (instances[`${app}:2`]?.memoryBytes ?? 0) > 10_000),
    );
    client.send({ subscribe: [`logs:${app}`] });
    await client.until("subscribed", () => client.of("subscribed")[0]);
    const before = await scene.pids(app);
    const restart = await curl(`/api/processes/${app}/restart`, "-X", "POST"); // 6.5.7
    expect(restart.status).toBe(200);
    expect(await scene.pids(app)).not.toEqual(before);
    const lines = () => client.of("log").flatMap((message) => message.lines);
    await client.until("the lines of the new runs", () => lines().length >= 6);
    expect(lines().filter(({ message }) => message === "starting")).toHaveLength(3);

    expect((await curl(`/api/processes/${app}`, "-X", "DELETE")).status).toBe(204); // 6.5.6
    expect(await json("/api/processes")).toEqual({ apps: [], problems: [] });
    await client.until("deleted", () => client.of("app").some(({ change }) => change === "deleted"));
    const { seqs } = client;
    expect(seqs).toEqual(seqs.map((_, at) => seqs[0]! + at));
  });

  it("refuses what systemd would ignore, from programs and from agents, and starts nothing", async () => {
    api = await startApi(scene.env);
    const body = { name: "books", command: ["sleep", "1000"], systemd: { IOWeight: 50, Nise: 5 } };
    const post = await curl("/api/processes", "--json", JSON.stringify(body));
    expect(post.status).toBe(400);
    expect(JSON.parse(post.body)).toMatchObject({
      code: "CONFIG_INVALID",
      pointer: "/systemd/Nise",
      detail: expect.stringContaining("systemd would ignore Nise of books"),
    });
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "start", arguments: body } };
    const accept = ["-H", "Accept: application/json, text/event-stream"];
    expect((await curl("/mcp", ...accept, "--json", JSON.stringify(call))).body).toMatch(
      /systemd would ignore Nise of books/,
    );
    expect(await json("/api/processes")).toEqual({ apps: [], problems: [] });
  });

  it("takes a token and origins from velos.toml", async () => {
    scene.env = { ...scene.env, VELOS_HOME: scene.path("home") };
    const file = scene.write(
      "home/velos.toml",
      'api_token = "a-secret-of-some-length"\napi_cors_origins = ["https://ops.example.com"]\n',
    );
    chmodSync(file, 0o600);
    api = await startApi(scene.env);
    expect((await curl("/api/processes")).status).toBe(401); // 6.5.10
    const bearer = ["-H", "Authorization: Bearer a-secret-of-some-length"];
    expect((await curl("/api/processes", ...bearer)).status).toBe(200);
    const page = ["-H", "Origin: https://ops.example.com"]; // 6.5.11
    expect((await curl("/api/processes", "-D", "-", ...bearer, ...page)).body).toMatch(
      /^access-control-allow-origin: https:\/\/ops\.example\.com\r$/im,
    );
  });

  it("tells within 100 ms of systemd what has become of an instance that was killed", async () => {
    api = await startApi(scene.env);
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const client = await PushClient.open(`${api.url}/ws`);
    clients.push(client);
    await client.until("snapshot", () => client.of("snapshot")[0]?.apps[0]);
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      const pid = (await scene.pids("api"))[0]!;
      const seen = client.messages.length;
      const killedAt = Date.now();
      process.kill(pid, "SIGKILL");
      const told = await client.until("told", () =>
        client.messages.slice(seen).find((message) => message.type === "instance" && message.name === "api:0"),
      );
      took.push(told.receivedAt - killedAt);
      await client.until("back", () => client.of("instance").at(-1)?.online === 2);
    }
    const sorted = took.toSorted((a, b) => a - b);
    console.log(`from the kill to the message: median ${sorted[5]} ms, worst ${sorted.at(-1)} ms`);
    // From the kill itself, which is before systemd's signal.
    expect(sorted[5]).toBeLessThanOrEqual(100);
  });

  it("a log goes on from a cursor without a gap or a repeat, however many lines come at once", async () => {
    api = await startApi(scene.env);
    const script = scene.script("app.sh", "for i in $(seq 3000); do echo line $i; done; exec sleep 1000");
    // A name of its own: the journal keeps what apps of other tests have logged.
    await scene.must("start", script, "--name", "counter");
    const read: string[] = [];
    let cursor: string | undefined;
    await until("all lines", async () => {
      // Without a cursor the last lines, of which some may not have come yet; with one those after it.
      const where = cursor === undefined ? "lines=10000" : `lines=300&cursor=${cursor}`;
      const page: { lines: { message: string }[]; cursor?: string } = await json(`/api/logs/counter?${where}`);
      cursor = page.cursor;
      read.push(...page.lines.map(({ message }) => message));
      return read.length >= 3000;
    });
    expect(read).toEqual(Array.from({ length: 3000 }, (_, n) => `line ${n + 1}`));
    // Again in small pages, from the first line on.
    const first: { cursor: string } = await json("/api/logs/counter?grep=%5Eline%201%24");
    const pages: string[] = ["line 1"];
    for (let next = first.cursor, count = 1; count > 0;) {
      const page: { lines: { message: string }[]; cursor: string } = await json(
        `/api/logs/counter?lines=700&cursor=${next}`,
      );
      [next, count] = [page.cursor, page.lines.length];
      pages.push(...page.lines.map(({ message }) => message));
    }
    expect(pages).toEqual(read);
  });
});
