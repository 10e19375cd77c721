import { execFile, spawnSync } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApiServer } from "./api-server.ts";
import { startApi } from "./api-server.ts";
import { PushClient } from "./push-client.ts";
import { SpawnHome } from "./spawn-home.ts";
import { runVelos } from "./systemd/velos.ts";

let home: SpawnHome;
let servers: ApiServer[];

const serve = async (...args: string[]): Promise<ApiServer> => {
  const server = await startApi(home.env, ...args);
  servers.push(server);
  return server;
};

const config = (...lines: string[]): void => {
  chmodSync(home.write("velos.toml", `${lines.join("\n")}\n`), 0o600);
};

beforeEach(() => {
  home = new SpawnHome();
  servers = [];
});
afterEach(async () => {
  for (const server of servers) await server.stop();
  await home.close();
});

/** One member of each. */
const pick = (rows: Record<string, unknown>[], name: string): unknown[] => rows.map((row) => row[name]);

const sleeper = (name = "api") => ({ name, command: ["sleep", "1000"] });

describe("apps over REST", () => {
  it("an app is started, looked at, scaled, restarted, stopped, started again and deleted", async () => {
    const { ask } = await serve();
    const none = await ask("GET", "/api/processes");
    expect([none.status, none.json]).toEqual([200, { apps: [], problems: [] }]);

    const created = await ask("POST", "/api/processes", { ...sleeper(), instances: 2 });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe("/api/processes/api");
    expect(created.json).toMatchObject({ outcome: "created", app: { name: "api", instances: 2, online: 2 } });

    const one = await ask("GET", "/api/processes/api");
    expect(pick(one.json.processes, "name")).toEqual(["api:0", "api:1"]);
    expect(one.json.processes[0]).toMatchObject({ memoryBytes: expect.any(Number), cpuPercent: expect.any(Number) });
    const instance = await ask("GET", "/api/processes/api:1");
    expect(instance.json).toMatchObject({ name: "api:1", app: "api", index: 1, restarts: 0 });
    const rows = await ask("GET", "/api/processes?flat=1");
    expect(pick(rows.json.processes, "name")).toEqual(["api:0", "api:1"]);
    const list = JSON.parse((await home.must("list", "--json")).stdout) as { apps: { processes: { pid: number }[] }[] };
    expect(pick(rows.json.processes, "pid")).toEqual(list.apps[0]!.processes.map(({ pid }) => pid));

    const again = await ask("POST", "/api/processes", sleeper());
    expect([again.status, again.json.outcome, again.json.app.instances]).toEqual([200, "unchanged", 2]);
    const more = await ask("POST", "/api/processes/api/scale", { instances: "+1" });
    expect([more.status, more.json.app.online]).toEqual([200, 3]);
    const exact = await ask("POST", "/api/processes/api/scale", { instances: 2 });
    expect(exact.json.app.processes).toHaveLength(2);
    const restarted = await ask("POST", "/api/processes/api/restart");
    expect(pick(restarted.json.app.processes, "restarts")).toEqual([1, 1]);
    const stopped = await ask("POST", "/api/processes/api:0/stop");
    expect(pick(stopped.json.app.processes, "status")).toEqual(["stopped", "online"]);
    const started = await ask("POST", "/api/processes/api/start");
    expect(started.json.app.online).toBe(2);
    const signalled = await ask("POST", "/api/processes/api/signal", { signal: "HUP" });
    expect(signalled.json).toEqual({ signalled: ["api:0", "api:1"] });

    const gone = await ask("DELETE", "/api/processes/api");
    expect([gone.status, gone.text]).toEqual([204, ""]);
    expect((await ask("GET", "/api/processes/api")).status).toBe(404);
    expect((await ask("DELETE", "/api/processes/api")).status).toBe(404);
  });

  it("another spec rolls, and where the rollout is found can be asked, held, continued and taken back", async () => {
    const { ask } = await serve();
    const quick = { ...sleeper(), instances: 3, min_uptime: "10ms", rollout: { pause: "0", min_ready: "300ms" } };
    await ask("POST", "/api/processes", quick);
    expect((await ask("GET", "/api/processes/api/rollout")).status).toBe(404);
    const rolled = await ask("POST", "/api/processes", { ...quick, command: ["sleep", "2000"] });
    expect(rolled.status).toBe(202);
    expect(rolled.json).toMatchObject({ outcome: "updated", rollout: { rollout: { kind: "update" }, total: 3 } });
    const where = rolled.headers.get("location")!;
    expect(where).toBe("/api/processes/api/rollout");
    const paused = await ask("POST", `${where}/pause`);
    expect([paused.status, paused.json.rollout.rollout.status]).toEqual([200, "paused"]);
    expect((await ask("POST", `${where}/pause`)).status).toBe(404);
    expect((await ask("POST", `${where}/resume`)).json.rollout.rollout.status).toBe("running");
    const rollout = async () => (await ask("GET", where)).json as { rollout: { status: string }; replaced: number };
    await expect.poll(rollout, { timeout: 20_000 }).toMatchObject({ rollout: { status: "done" }, replaced: 3 });
    const undone = await ask("POST", `${where}/undo`);
    expect([undone.status, undone.headers.get("location")]).toEqual([202, where]);
    await expect.poll(rollout, { timeout: 20_000 }).toMatchObject({ rollout: { status: "done" } });
    expect((await ask("GET", "/api/processes/api")).json.command).toContain("sleep 1000");
    const reload = await ask("POST", "/api/processes/api/restart", { rolling: true });
    expect([reload.status, reload.json.rollout.rollout.kind]).toEqual([202, "reload"]);
    await expect.poll(rollout, { timeout: 20_000 }).toMatchObject({ rollout: { status: "done" } });
    expect(JSON.stringify((await ask("GET", "/api/processes")).json)).not.toContain('"from"');
  });

  it("an instance goes only from the end", async () => {
    const { ask } = await serve();
    await ask("POST", "/api/processes", { ...sleeper(), instances: 3 });
    const middle = await ask("DELETE", "/api/processes/api:1");
    expect([middle.status, middle.json.code]).toEqual([409, "INSTANCE_NOT_LAST"]);
    expect((await ask("DELETE", "/api/processes/api:2")).status).toBe(204);
    expect((await ask("DELETE", "/api/processes/api:2")).status).toBe(404);
    expect((await ask("DELETE", "/api/processes/api:1")).status).toBe(204);
    expect((await ask("DELETE", "/api/processes/api:0")).json).toMatchObject({
      status: 409,
      code: "INSTANCE_NOT_LAST",
    });
  });

  it("every error is problem+json with what, where and what to do", async () => {
    const { ask } = await serve();
    await ask("POST", "/api/processes", sleeper());
    const body = { name: "x", script: "/nothing/here.js" };
    const cases = [
      [await ask("GET", "/api/processes/nope"), 404, "APP_NOT_FOUND"],
      [await ask("GET", "/api/processes/api:7"), 404, "INSTANCE_NOT_FOUND"],
      [await ask("GET", "/api/processes/all"), 400, "SELECTOR_INVALID"],
      [await ask("DELETE", "/api/processes/api*"), 400, "SELECTOR_INVALID"],
      [await ask("GET", "/api/nothing"), 404, "ROUTE_NOT_FOUND"],
      [await ask("PUT", "/api/processes"), 405, "METHOD_NOT_ALLOWED"],
      [await ask("GET", "/api/processes/%E0%A4%A"), 400, "MESSAGE_INVALID"],
      [await ask("POST", "/api/processes", body), 400, "SCRIPT_NOT_FOUND"],
      [await ask("POST", "/api/processes", { ...body, instances: "many" }), 400, "CONFIG_INVALID", "/instances"],
      [await ask("POST", "/api/processes", { ...body, env: { A: {} } }), 400, "CONFIG_INVALID", "/env/A"],
      [await ask("POST", "/api/processes", { ...body, instnaces: 3 }), 400, "CONFIG_INVALID", "/instnaces"],
      [await ask("POST", "/api/processes", { ...sleeper(), name: "no:name" }), 400, "APP_NAME_INVALID"],
      [await ask("POST", "/api/processes"), 400, "MESSAGE_INVALID"],
      [await ask("POST", "/api/processes", "{"), 400, "MESSAGE_INVALID"],
      [await ask("POST", "/api/processes", '{"__proto__":{"a":1}}'), 400, "MESSAGE_INVALID"],
      [await ask("POST", "/api/processes", "a=1", { "content-type": "text/plain" }), 415, "MEDIA_TYPE_UNKNOWN"],
      [await ask("POST", "/api/processes", { ...body, args: ["x".repeat(1_100_000)] }), 413, "BODY_TOO_LARGE"],
      [await ask("POST", "/api/processes/api/scale", { instances: {} }), 400, "MESSAGE_INVALID", "/instances"],
      [await ask("POST", "/api/processes/api/scale", { instances: "-1" }), 400, "QUANTITY_INVALID"],
      [await ask("POST", "/api/processes/api/restart", { rolling: "yes" }), 400, "MESSAGE_INVALID", "/rolling"],
      [await ask("POST", "/api/processes/api/stop", { now: true }), 400, "MESSAGE_INVALID"],
      [await ask("GET", "/api/logs/api?lines=many"), 400, "MESSAGE_INVALID", "/lines"],
      [await ask("GET", "/api/logs/api?lines=10001"), 400, "MESSAGE_INVALID", "/lines"],
      [await ask("GET", "/api/logs/api?level=loud"), 400, "MESSAGE_INVALID", "/level"],
      [await ask("GET", "/api/logs/api?since=yesterday"), 400, "MESSAGE_INVALID", "/since"],
      [await ask("GET", "/api/logs/api?line=5"), 400, "MESSAGE_INVALID", "/line"],
      [await ask("GET", "/api/logs/api?grep=("), 400, "USAGE"],
      [await ask("GET", "/api/logs/nope?follow=1"), 404, "APP_NOT_FOUND"],
      [await ask("GET", "/api/logs/api?cursor=zzzz"), 400, "CURSOR_INVALID"],
    ] as const;
    for (const [{ status, headers, json, text }, wanted, code, pointer] of cases) {
      expect({ status, code: json?.code, pointer: json?.pointer }, text).toEqual({ status: wanted, code, pointer });
      expect(headers.get("content-type")).toBe("application/problem+json");
      expect(json.detail, text).not.toMatch(/\n/);
      expect(json.hint, text).toMatch(/./);
    }
    expect((await ask("PUT", "/api/processes")).headers.get("allow")).toBe("GET, HEAD, POST");
    expect(cases.length).toBeGreaterThan(20);
  });

  it("an app that does not come up is told as the app's failure", async () => {
    const { ask } = await serve();
    const failed = await ask("POST", "/api/processes", { name: "bad", command: ["false"], autorestart: false });
    expect([failed.json.code, failed.json.detail]).toEqual(["INSTANCE_FAILED", expect.stringContaining("exit code 1")]);
    expect(failed.status).toBe(422);
  });

  it("commands take effect over the CLI and the API alike", async () => {
    const { ask } = await serve();
    await home.must("start", "sleep 1000", "--name", "web", "-i", "2");
    expect((await ask("GET", "/api/processes/web")).json.online).toBe(2);
    await home.must("stop", "web");
    expect((await ask("GET", "/api/processes/web")).json.running).toBe(false);
    await ask("DELETE", "/api/processes/web");
    expect(JSON.parse((await home.must("list", "--json")).stdout)).toEqual({ apps: [] });
  });
});

describe("logs and figures over REST", () => {
  const talker = {
    name: "talk",
    command: ["sh", "-c", "for i in $(seq 30); do echo line $i; echo ERROR $i; done; exec sleep 1000"],
  };
  const messages = ({ json }: { json: { lines: { message: string }[] } }) => json.lines.map(({ message }) => message);

  it("gives the last lines that match, oldest first, and goes on from a cursor", async () => {
    const { ask } = await serve();
    await ask("POST", "/api/processes", talker);
    await expect.poll(async () => messages(await ask("GET", "/api/logs/talk?lines=1"))).toEqual(["ERROR 30"]);
    const errors = await ask("GET", "/api/logs/talk?lines=3&level=error");
    expect(messages(errors)).toEqual(["ERROR 28", "ERROR 29", "ERROR 30"]);
    expect(errors.json.truncated).toBe(false);
    expect(messages(await ask("GET", "/api/logs/talk:0?grep=%5Eline.1.%24"))).toEqual(
      Array.from({ length: 10 }, (_, n) => `line ${10 + n}`),
    );
    const since = new Date(Date.now() - 3_600_000).toISOString();
    expect(messages(await ask("GET", `/api/logs/all?since=${since}`))).toHaveLength(60);
    expect(messages(await ask("GET", `/api/logs/talk?until=${since}`))).toEqual([]);
    const cursor = errors.headers.get("x-next-cursor")!;
    expect(messages(await ask("GET", `/api/logs/talk?cursor=${cursor}`))).toEqual([]);
    await ask("POST", "/api/processes/talk/restart");
    await expect
      .poll(async () => messages(await ask("GET", `/api/logs/talk?cursor=${cursor}&level=error&lines=2`)))
      .toEqual(["ERROR 1", "ERROR 2"]);
  });

  it("follows, until the client goes", async () => {
    const { ask, url } = await serve();
    await ask("POST", "/api/processes", talker);
    const control = new AbortController();
    const response = await fetch(`${url}/api/logs/talk?lines=0&follow=1`, { signal: control.signal });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    await ask("POST", "/api/processes/talk/restart");
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes("ERROR 30")) break;
    }
    control.abort();
    const lines = text
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { message: string }).message);
    expect(lines.filter((line) => line.startsWith("ERROR"))).toEqual(
      Array.from({ length: 30 }, (_, n) => `ERROR ${n + 1}`),
    );
  });

  it("has figures as JSON and for Prometheus, and says that it is well", async () => {
    const { ask } = await serve();
    await ask("POST", "/api/processes", sleeper());
    const { json } = await ask("GET", "/api/metrics");
    expect(json.apps[0]).toMatchObject({ name: "api", instances: [{ index: 0, status: "online" }] });
    const text = await ask("GET", "/metrics");
    expect(text.text).toContain('velos_process_status{name="api",instance="0"} 1');
    expect(text.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect((await ask("GET", "/healthz")).json).toMatchObject({ status: "ok" });
  });

  it("secrets are masked unless an admin asks for them", async () => {
    config(
      "api_token = [",
      '{ name = "op", scope = "operate", token = "o" },',
      '{ name = "adm", scope = "admin", token = "a" }]',
    );
    const { ask } = await serve();
    const as = (token: string) => ({ authorization: `Bearer ${token}` });
    const file = home.write("secrets.env", "FROM_FILE=deep\n");
    const env = { DB_PASSWORD: "hush", DATABASE_URL: "postgres://u:hush@db/x", PLAIN: "seen" };
    await ask("POST", "/api/processes", { ...sleeper(), env, env_file: file }, as("o"));
    for (const path of ["/api/processes/api/spec", "/api/processes/api/env"]) {
      const masked = await ask("GET", path, undefined, as("o"));
      expect(masked.text).not.toMatch(/hush|deep/);
      expect(masked.text).toContain("seen");
      expect((await ask("GET", `${path}?secrets=1`, undefined, as("o"))).status).toBe(403);
      const open = await ask("GET", `${path}?secrets=1`, undefined, as("a"));
      expect(open.text).toMatch(/hush.*deep|deep.*hush/s);
    }
  });
});

describe("who may", () => {
  it("without a token only programs of the same user", async () => {
    const { url, port } = await serve();
    const other = (...args: string[]) =>
      spawnSync("curl", ["-sS", "-o", "-", "-w", "\n%{http_code}", ...args], {
        encoding: "utf8",
        uid: 65_534,
        gid: 65_534,
      });
    const refused = other(`${url}/api/processes`);
    expect(refused.stdout).toMatch(/only programs of the same user.*api_token.*\n403$/s);
    expect(other("-d", "{}", `${url}/api/processes`).stdout).toMatch(/\n403$/);
    await expect(PushClient.open(`${url}/ws`, [], { "x-forwarded-for": "10.0.0.1" })).rejects.toThrow("403");
    const own = spawnSync("curl", ["-sS", "-w", "\n%{http_code}", `http://localhost:${port}/api/processes`], {
      encoding: "utf8",
    });
    expect(own.stdout).toMatch(/\n200$/);
  });

  it("other addresses are refused at the start without a token", async () => {
    const run = (...args: string[]) => runVelos(["api", "--port", "0", ...args], { cwd: home.path, env: home.env });
    const { code, stderr } = await run("--host", "0.0.0.0");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/0\.0\.0\.0 without a token.*\n.*api_token/)]);
    expect((await run("--host", "::")).code).toBe(2);
  });

  it("tokens have scopes, and wrong ones are refused in the same words whatever is right of them", async () => {
    const file = home.write("tokens", "# of the team\ngrafana read r-token\n\ndeploy operate o-token\n");
    chmodSync(file, 0o600);
    config('api_token = "a-token"', 'api_token_file = "tokens"');
    const { ask, url, log } = await serve();
    const as = (token: string) => ({ authorization: `Bearer ${token}` });
    const refused = await ask("GET", "/api/processes");
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="velos"']);
    const wrong = [
      await ask("GET", "/api/processes", undefined, as("a-toke")),
      await ask("GET", "/api/processes", undefined, as("zzz")),
    ];
    expect(wrong[0]!.text).toBe(wrong[1]!.text);
    expect((await ask("GET", "/api/processes?token=a-token")).status).toBe(401);
    for (const token of ["r-token", "o-token", "a-token"])
      expect((await ask("GET", "/api/processes", undefined, as(token))).status).toBe(200);
    const start = (token: string) => ask("POST", "/api/processes", sleeper(), as(token));
    expect((await start("r-token")).json).toMatchObject({ status: 403, detail: expect.stringContaining("grafana") });
    expect((await start("o-token")).status).toBe(201);
    expect((await ask("GET", "/healthz")).status).toBe(200);
    const bearer = (token: string) => `velos.bearer.${Buffer.from(token).toString("base64url")}`;
    const client = await PushClient.open(`${url}/ws`, ["velos.v1", bearer("r-token")]);
    const [hello] = await client.until("hello", () => client.of("hello").length > 0 && client.of("hello"));
    expect([hello!.access, hello!.client, client.socket.protocol]).toEqual(["read", "grafana", "velos.v1"]);
    await client.close();
    await expect(PushClient.open(`${url}/ws`, ["velos.v1", bearer("no")])).rejects.toThrow("401");
    await expect(PushClient.open(`${url}/ws?token=a-token`)).rejects.toThrow("401");
    expect(log()).not.toMatch(/[aor]-token/);
  });

  it("a file of tokens that everybody can read, or with a wrong line, is refused with its name", async () => {
    const run = () => runVelos(["api", "--port", "0"], { cwd: home.path, env: home.env });
    const file = home.write("tokens", "grafana read r-token\n");
    config('api_token_file = "tokens"');
    chmodSync(file, 0o644);
    expect((await run()).stderr).toMatch(/tokens: everybody.*\n.*chmod 600/);
    chmodSync(file, 0o600);
    home.write("tokens", "grafana all r-token\n");
    expect((await run()).stderr).toMatch(/tokens:1: this is not/);
    home.write("tokens", "\n");
    expect((await run()).stderr).toMatch(/no token in it/);
    config('api_token_file = "missing"');
    expect((await run()).stderr).toMatch(/missing: there is no such file/);
    config('api_token = [{ name = "x", scope = "root", token = "secret-token" }]');
    const { stderr } = await run();
    expect(stderr).toMatch(/velos\.toml:1:\d+: .*the scope of x/);
    expect(stderr).not.toContain("secret-token");
  });

  it("pages of others and names that were pointed here do not reach it", async () => {
    config('api_cors_origins = ["https://ops.example.com"]', 'api_hosts = ["velos.example.com"]');
    const { ask, port, url } = await serve();
    const asked = async (headers: Record<string, string>, method = "GET") =>
      new Promise<{ status: number; headers: Record<string, unknown> }>((resolve, reject) => {
        request({ port, host: "127.0.0.1", path: "/api/processes", method, headers }, (response) => {
          response.resume();
          resolve({ status: response.statusCode!, headers: response.headers });
        })
          .on("error", reject)
          .end();
      });
    expect((await asked({ host: "evil.example" })).status).toBe(403);
    expect((await asked({ host: "127.0.0.1.evil.example" })).status).toBe(403);
    for (const host of ["localhost", "127.0.0.1:3100", "[::1]", "velos.example.com", "VELOS.example.com:443"])
      expect((await asked({ host })).status, host).toBe(200);
    expect((await asked({ host: "localhost", origin: "https://evil.example" })).status).toBe(403);
    expect((await asked({ host: "localhost", origin: "null" })).status).toBe(403);
    expect((await asked({ host: "localhost", "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await asked({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).status).toBe(200);
    await expect(PushClient.open(`${url}/ws`, [], { origin: "https://evil.example" })).rejects.toThrow("403");

    const allowed = await asked({ host: "localhost", origin: "https://ops.example.com" });
    expect(allowed.headers["access-control-allow-origin"]).toBe("https://ops.example.com");
    const preflight = await asked(
      { host: "localhost", origin: "https://ops.example.com", "access-control-request-method": "DELETE" },
      "OPTIONS",
    );
    expect([preflight.status, preflight.headers["access-control-allow-methods"]]).toEqual([
      204,
      expect.stringContaining("DELETE"),
    ]);
    expect((await ask("GET", "/api/processes")).headers.get("access-control-allow-origin")).toBeNull();
  });

  it("CORS is off unless origins are listed", async () => {
    const { ask } = await serve();
    const page = { origin: "https://ops.example.com", "access-control-request-method": "GET" };
    const preflight = await ask("OPTIONS", "/api/processes", undefined, page);
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });

  it("serves over TLS", async () => {
    const [cert, key] = [join(home.path, "cert.pem"), join(home.path, "key.pem")];
    await promisify(execFile)("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
    ]);
    config('api_tls_cert = "cert.pem"', 'api_tls_key = "key.pem"');
    const { url, port } = await serve();
    expect(url).toMatch(/^https:/);
    const asked = spawnSync("curl", ["-sS", "--cacert", cert, `https://localhost:${port}/api/processes`], {
      encoding: "utf8",
    });
    expect([asked.stderr, JSON.parse(asked.stdout)]).toEqual(["", { apps: [], problems: [] }]);
    const client = await PushClient.open(`${url}/ws`);
    await client.until("hello", () => client.of("hello")[0]);
    await client.close();
    config('api_tls_cert = "cert.pem"');
    const alone = await runVelos(["api", "--port", "0"], { cwd: home.path, env: home.env });
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining("go together")]);
  });

  it("serves on a UNIX socket that only its owner can open", async () => {
    const path = join(home.path, "api.sock");
    const server = await serve("--socket", path);
    expect(server.url).toBe(`unix:${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const curl = (url: string) => spawnSync("curl", ["-sS", "--unix-socket", path, url], { encoding: "utf8" }).stdout;
    expect(JSON.parse(curl("http://velos/api/processes"))).toEqual({ apps: [], problems: [] });
    const second = await runVelos(["api", "--socket", path], { cwd: home.path, env: home.env });
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("already in use")]);
    process.kill(server.pid, "SIGKILL");
    await expect.poll(server.stop).toBe(null);
    const third = await serve("--socket", path);
    expect(await third.stop()).toBe(0);
  });

  it("a client that asks too often is told to wait, and others are not", async () => {
    config(
      "api_rate_limit = 5",
      'api_token = [{ name = "a", scope = "read", token = "1" }, { name = "b", scope = "read", token = "2" }]',
    );
    const { ask } = await serve();
    const asked = (token: string, path = "/api/metrics") =>
      ask("GET", path, undefined, { authorization: `Bearer ${token}` });
    for (let n = 0; n < 5; n++) expect((await asked("1")).status).toBe(200);
    const refused = await asked("1");
    expect([refused.status, refused.json.code]).toEqual([429, "TOO_MANY_REQUESTS"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await asked("2")).status).toBe(200);
    expect((await asked("1", "/api/processes")).status).toBe(200);
  });
});

describe("velosd's absence", () => {
  it("is told as 503, and velosd is found again by itself; a command starts it", async () => {
    const { ask, log } = await serve();
    await ask("POST", "/api/processes", sleeper());
    const { pid } = (await ask("GET", "/api/processes/api:0")).json as { pid: number };
    process.kill(await home.daemonPid(), "SIGKILL");
    await expect.poll(async () => (await ask("GET", "/api/processes")).status).toBe(503);
    expect((await ask("GET", "/healthz")).status).toBe(503);
    const logs = await ask("GET", "/api/logs/api");
    expect([logs.status, logs.json.code]).toEqual([503, "DAEMON_UNREACHABLE"]);
    await home.must("list");
    await expect.poll(async () => (await ask("GET", "/api/processes/api:0")).json.pid).toBe(pid);
    process.kill(await home.daemonPid(), "SIGKILL");
    await expect.poll(async () => (await ask("GET", "/healthz")).status).toBe(503);
    expect((await ask("POST", "/api/processes/api/restart")).status).toBe(200);
    await expect.poll(async () => (await ask("GET", "/healthz")).status).toBe(200);
    expect(log().match(/it is waited for/g)).toHaveLength(2);
    expect(log().match(/velosd is there/g)).toHaveLength(2);
  });

  it("says in one line what is wrong with where it should listen", async () => {
    const { port } = await serve();
    const run = (...args: string[]) => runVelos(["api", ...args], { cwd: home.path, env: home.env });
    const outcomes = [
      [await run("--port", String(port)), 1, `127.0.0.1:${port} is already in use`],
      [await run("--port", "web"), 2, "'web' is not a port"],
      [await run("--port", "70000"), 2, "'70000' is not a port"],
      [await run("--socket", "/nothing/here/api.sock"), 2, "cannot listen on /nothing/here/api.sock"],
      [await run("--socket", home.write("file", "")), 2, "is there, and no socket"],
      [await run("--socket", "x.sock", "--port", "1"), 2, "--socket goes without"],
    ] as const;
    for (const [{ code, stderr }, wanted, text] of outcomes) {
      expect(stderr).toContain(text);
      expect(code).toBe(wanted);
      expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    }
  });

  it("ends with 0 when it is told to, with clients connected", async () => {
    const { url, stop, ask } = await serve();
    await ask("POST", "/api/processes", sleeper());
    const client = await PushClient.open(`${url}/ws`);
    const following = await fetch(`${url}/api/logs/api?follow=1`);
    expect(await stop()).toBe(0);
    await client.until("goodbye", () => client.closed);
    expect(client.closed?.code).toBe(1001);
    await following.body?.cancel().catch(() => {});
  });
});
