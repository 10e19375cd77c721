import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseExposition, valueOf } from "../metrics/parse.ts";
import type { MetricsServer } from "./metrics-server.ts";
import { startMetrics, velosProgram } from "./metrics-server.ts";

const execute = promisify(execFile);

let home: string;
let env: Record<string, string | undefined>;
let servers: MetricsServer[];

const velos = async (...args: string[]): Promise<string> =>
  (await execute(process.execPath, [velosProgram, "--user", "--backend", "spawn", ...args], { env })).stdout;
/** However it ends. */
const velosEnding = (...args: string[]) =>
  spawnSync(process.execPath, [velosProgram, "--user", ...args], { env, encoding: "utf8", timeout: 10_000 });
const curl = async (...args: string[]): Promise<string> =>
  (await execute("curl", ["-sS", "--max-time", "5", ...args])).stdout;
const daemonPid = async (): Promise<number> => (JSON.parse(await velos("ping", "--json")) as { pid: number }).pid;

const serve = async (...args: string[]): Promise<MetricsServer> => {
  const server = await startMetrics(env, ...args);
  servers.push(server);
  return server;
};

const script = (name: string, ...lines: string[]): string => {
  const path = join(home, name);
  writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`, { mode: 0o755 });
  return path;
};

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "velos-metrics-"));
  env = { ...process.env, VELOS_HOME: home, NO_COLOR: "1" };
  servers = [];
});
afterEach(async () => {
  for (const server of servers) await server.stop();
  if (existsSync(join(home, "run", "velosd.sock"))) {
    await velos("delete", "all").catch(() => undefined);
    await velos("kill").catch(() => undefined);
  }
  rmSync(home, { recursive: true, force: true });
});

describe("velos metrics", () => {
  it("answers curl in both formats, and says what it is on its other pages", async () => {
    await velos("start", "sleep 1000", "--name", "api", "-i", "2");
    const { url } = await serve();
    const text = await curl(`${url}/metrics`);
    const families = parseExposition(text, "text");
    for (const instance of ["0", "1"]) {
      const labels = { name: "api", instance };
      expect(valueOf(families, "velos_process_status", labels)).toBe(1);
      expect(valueOf(families, "velos_process_restart_total", labels)).toBe(0);
      expect(valueOf(families, "velos_process_memory_bytes", labels)).toBeGreaterThan(100_000);
      expect(valueOf(families, "velos_process_uptime_seconds", labels)).toBeGreaterThan(0);
      expect(valueOf(families, "velos_process_cpu_percent", labels)).toBeGreaterThanOrEqual(0);
      expect(valueOf(families, "velos_process_info", { ...labels, backend: "spawn", unit: "" })).toBe(1);
    }
    expect(valueOf(families, "velos_daemon_processes_total")).toBe(2);
    const accept = "Accept: application/openmetrics-text; version=1.0.0";
    parseExposition(await curl("-H", accept, `${url}/metrics`), "openmetrics");
    const head = await curl("-I", "-H", accept, `${url}/metrics`);
    expect(head).toMatch(/^HTTP\/1.1 200.*content-type: application\/openmetrics-text; version=1.0.0; charset=utf-8/is);
    expect(await curl(`${url}/healthz`)).toBe("ok\n");
    expect(await curl(url)).toContain('<a href="/metrics">');
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(405);
  });

  it("counts children, and what they used when they are gone", async () => {
    const burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    await velos("start", script("burn.sh", `(${burn}) &`, `(${burn}) &`, "wait", "sleep 1000"), "--name", "burn");
    const { scrape } = await serve();
    const labels = { name: "burn", instance: "0" };
    const cpu = async (): Promise<number> =>
      valueOf(await scrape(), "velos_process_cpu_seconds_total", { ...labels, mode: "user" })!;
    let last = 0;
    await expect
      .poll(
        async () => {
          const now = await cpu();
          expect(now).toBeGreaterThanOrEqual(last);
          last = now;
          return valueOf(await scrape(), "velos_process_tasks", labels);
        },
        { timeout: 30_000, interval: 100 },
      )
      .toBe(2);
    expect(last).toBeGreaterThan(0.1);
  });

  it("shows a crash as a restart with its reason, and counts on over restarts of velosd", async () => {
    await velos("start", "sleep 1000", "--name", "api");
    const { scrape } = await serve();
    const list = async () =>
      (JSON.parse(await velos("list", "--json")) as { apps: { processes: { pid: number }[] }[] }).apps[0]!;
    const labels = { name: "api", instance: "0" };
    process.kill((await list()).processes[0]!.pid, "SIGKILL");
    await expect.poll(async () => valueOf(await scrape(), "velos_process_restart_total", labels)).toBe(1);
    await velos("restart", "api");
    await velos("kill");
    await velos("list");
    const families = await scrape();
    expect(valueOf(families, "velos_process_restart_total", labels)).toBe(2);
    const reason = (reason: string) => ({ ...labels, reason });
    expect(valueOf(families, "velos_process_restarts_by_reason_total", reason("crash"))).toBe(1);
    expect(valueOf(families, "velos_process_restarts_by_reason_total", reason("manual"))).toBe(1);
    expect(valueOf(families, "velos_process_exits_total", reason("signal"))).toBe(1);
  });

  it("is answered within a second while velosd is away or hangs, and finds it again by itself", async () => {
    const { scrape, log } = await serve();
    expect(valueOf(await scrape(), "velos_up")).toBe(0);
    await velos("start", "sleep 1000", "--name", "api");
    expect(valueOf(await scrape(), "velos_up")).toBe(1);

    const pid = await daemonPid();
    process.kill(pid, "SIGSTOP");
    try {
      const began = performance.now();
      expect(valueOf(await scrape("openmetrics"), "velos_up")).toBe(0);
      expect(performance.now() - began).toBeLessThan(2500);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await expect.poll(async () => valueOf(await scrape(), "velos_up")).toBe(1);

    process.kill(pid, "SIGKILL");
    await expect.poll(async () => valueOf(await scrape(), "velos_up")).toBe(0);
    expect(valueOf(await scrape(), "velos_up")).toBe(0);
    await velos("list");
    expect(valueOf(await scrape(), "velos_up")).toBe(1);
    expect(log().match(/velos_up is 0/g)).toHaveLength(3);
  });

  it("does not start velosd, whoever asks", async () => {
    const { scrape } = await serve();
    for (let n = 0; n < 3; n++) expect(valueOf(await scrape(), "velos_up")).toBe(0);
    const once = velosEnding("metrics", "--once");
    expect(once.status).toBe(0);
    expect(valueOf(parseExposition(once.stdout, "text"), "velos_up")).toBe(0);
    expect(existsSync(join(home, "run", "velosd.sock"))).toBe(false);
  });

  it("prints one scrape with --once, as node_exporter's textfile collector reads it", async () => {
    await velos("start", "sleep 1000", "--name", "api");
    const once = velosEnding("metrics", "--once");
    expect(once).toMatchObject({ status: 0, stderr: "" });
    expect(valueOf(parseExposition(once.stdout, "text"), "velos_process_status", { name: "api" })).toBe(1);
  });

  it("answers 20 scrapers at once with one collection", async () => {
    await velos("start", "sleep 1000", "--name", "api", "-i", "3");
    const { url, scrape } = await serve();
    const asked = async (): Promise<number> =>
      valueOf(await scrape(), "velos_daemon_ipc_requests_total", { method: "metrics", code: "OK" }) ?? 0;
    await asked();
    const before = await asked();
    const texts = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${url}/metrics`)).text()));
    expect(texts.every((text) => text.includes("velos_up 1"))).toBe(true);
    // The last look is one, too; on a busy machine the twenty may come in a few portions.
    expect(await asked()).toBeLessThan(before + 20);
  });

  it("ends with 0 when it is told to, with a scraper connected", async () => {
    const { url, stop } = await serve();
    await (await fetch(`${url}/metrics`)).text();
    expect(await stop()).toBe(0);
  });

  it("says in one line what is wrong with the port or address, without a stack", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const outcomes = [
      [velosEnding("metrics", "--port", String(port)), 1, `127.0.0.1:${port} is already in use`],
      [velosEnding("metrics", "--port", "web"), 2, "'web' is not a port"],
      [velosEnding("metrics", "--port", "70000"), 2, "'70000' is not a port"],
      [velosEnding("metrics", "--port", "0", "--host", "192.0.2.1"), 2, "cannot listen on 192.0.2.1:0"],
      [velosEnding("metrics", "--port", "0", "--host", "no host"), 2, "cannot listen on no host:0"],
    ] as const;
    server.close();
    for (const [{ status, stderr }, code, text] of outcomes) {
      expect(stderr).toContain(text);
      expect(status).toBe(code);
      expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
      expect(stderr).not.toMatch(/\n\s+at /);
    }
  });
});

describe("packaging/prometheus", () => {
  it.skipIf(spawnSync("promtool", ["--version"]).error !== undefined && process.env["CI"] !== "true")(
    "has rules that do what they say",
    () => {
      const directory = "packaging/prometheus";
      const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", "velos.rules.test.yml"], {
        cwd: directory,
        encoding: "utf8",
      });
      expect(`${stdout}${stderr}`).toContain("SUCCESS");
      expect(status).toBe(0);
      // No rule without a test.
      const names = (file: string) =>
        [...readFileSync(join(directory, file), "utf8").matchAll(/alert(?:name)?: (\w+)/g)].map(([, name]) => name);
      expect(new Set(names("velos.rules.test.yml"))).toEqual(new Set(names("velos.rules.yml")));
    },
  );
});
