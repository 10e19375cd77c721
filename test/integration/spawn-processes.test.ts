import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SpawnBackend } from "../../src/backend/spawn/backend.ts";
import { healthDefaults } from "../../src/domain/app.ts";
import { freePort } from "../backend/free-port.ts";
import { firstMessages } from "../backend/harness.ts";
import { makeSpec } from "../backend/programs.ts";
import { makeSpawnHarness, programs } from "./spawn-harness.ts";

let harness: Awaited<ReturnType<typeof makeSpawnHarness>>;
let backend: SpawnBackend;

beforeEach(async () => {
  harness = await makeSpawnHarness();
  backend = new SpawnBackend({ stateDir: harness.stateDir, ...programs });
  await backend.open(() => undefined);
});
afterEach(async () => {
  try {
    for (const app of backend.apps())
      await Promise.all(backend.observe(app).map(({ index }) => backend.stop(app, index)));
    for (const app of backend.apps()) await backend.release(app);
    await backend.close();
  } finally {
    await harness.cleanup();
  }
});

const shell = (script: string, overrides = {}) => makeSpec("api", ["/bin/sh", "-c", script], overrides);

test("50 instances are up at once, and no descriptor is left open", async () => {
  const before = readdirSync("/proc/self/fd").length;
  const begun = performance.now();
  await Promise.all(Array.from({ length: 50 }, (_, index) => backend.start(shell("exec sleep 1000"), index, 50)));
  const tookMs = performance.now() - begun;
  expect(backend.observe("api").filter(({ status }) => status === "online")).toHaveLength(50);
  // 0.4 s on two processors that have nothing else to do.
  expect(tookMs).toBeLessThan(2000);
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 1);
});

test("an instance is a session and a group of its own, and has no other descriptor of velosd's", async () => {
  await backend.start(shell("cut -d' ' -f1,5,6 /proc/$$/stat; ls -l /proc/self/fd; exec sleep 1000"), 0, 1);
  const { pid } = backend.observe("api")[0]!;
  const messages = await firstMessages(backend, "api", 6);
  const open = messages.flatMap((line) => /(\d+) -> (.*)$/.exec(line)?.slice(1).join(" ") ?? []);
  const log = join(harness.stateDir, "logs/api/0.log");
  expect(open).toEqual(expect.arrayContaining(["0 /dev/null", `1 ${log}`, `2 ${log}`]));
  // Not counted: what this process itself has inherited from whoever ran the tests.
  expect(open.filter((entry) => entry.includes(harness.stateDir) || /socket:|anon_inode:/.test(entry))).toHaveLength(2);
  expect(messages).toContain(`${pid} ${pid} ${pid}`);
});

test.skipIf(process.getuid?.() !== 0)(
  "user and group are those asked for, with further groups where the user has them",
  async () => {
    await backend.start(shell("id -u; id -g; id -G; exec sleep 1000", { user: "nobody" }), 0, 1);
    const [uid, gid, groups] = await firstMessages(backend, "api", 3);
    expect(Number(uid)).toBeGreaterThan(0);
    expect(groups).toBe(gid);
    await backend.stop("api", 0);

    const rows = readFileSync("/etc/group", "utf8")
      .split("\n")
      .map((line) => line.split(":"));
    const member = rows.flatMap((fields) => fields[3]?.split(",") ?? []).find((name) => name !== "" && name !== "root");
    if (member === undefined) return;
    await backend.start(shell("id -un; id -Gn; exec sleep 1000", { user: member }), 1, 2);
    const [name, names] = await firstMessages(backend, "api", 2, 1);
    expect(name).toBe(member);
    expect(names!.split(" ").length).toBeGreaterThan(1);
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "an app of another user shares sockets, says that it is ready, and is asked for its health by velosd alone",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "velos-other-"));
    chmodSync(directory, 0o755);
    try {
      // What is installed is readable for everybody; this checkout may not be.
      const preload = join(directory, "preload.cjs");
      copyFileSync(programs.preload, preload);
      const script = join(directory, "server.cjs");
      const port = await freePort();
      writeFileSync(script, `require("http").createServer((_, r) => r.end(String(process.getuid()))).listen(${port})`);
      await backend.close();
      backend = new SpawnBackend({ stateDir: harness.stateDir, ...programs, preload });
      await backend.open(() => undefined);
      const health = { ...healthDefaults, http: "/" };
      const more = { interpreter: "node", user: "nobody", listen: [{ host: "127.0.0.1", port }], health };
      const spec = makeSpec("api", [process.execPath, script], more);
      await backend.prepare(spec);
      await backend.start(spec, 0, 1);
      const uid = await (await fetch(`http://127.0.0.1:${port}/`)).text();
      expect(Number(uid)).toBeGreaterThan(0);
      const socket = backend.healthSocket("api", 0);
      expect(statSync(socket).isSocket()).toBe(true);
      expect(statSync(dirname(socket))).toMatchObject({ uid: Number(uid), mode: 0o40700 });
      // They may pass, and see nothing.
      expect(statSync(harness.stateDir).mode & 0o777).toBe(0o711);
      expect(statSync(join(harness.stateDir, "spawn")).mode & 0o077).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);

test("an unknown user is refused, and nothing is left", async () => {
  await expect(backend.start(shell("true", { user: "no-such-user" }), 0, 1)).rejects.toThrow("no user 'no-such-user'");
  expect(backend.apps()).toEqual([]);
});

test("a suspended instance can be stopped", async () => {
  await backend.start(shell("exec sleep 1000", { killTimeoutMs: 60_000 }), 0, 1);
  await backend.signal("api", 0, "SIGSTOP");
  await backend.stop("api", 0);
  expect(backend.apps()).toEqual([]);
});

test("a writer at full speed loses no line through rotations", { timeout: 30_000 }, async () => {
  const LINES = 1_000_000;
  const script = `i=0; while [ $i -lt ${LINES} ]; do echo "line $i and something more to fill it"; i=$((i+1)); done; echo end; exec sleep 1000`;
  await backend.start(shell(script, { logMaxBytes: 1024 * 1024, logKeep: 100 }), 0, 1);
  const directory = join(harness.stateDir, "logs/api");
  await expect
    .poll(() => readFileSync(join(directory, "0.log"), "latin1").endsWith("end\n"), { timeout: 25_000, interval: 100 })
    .toBe(true);
  const rotated = readdirSync(directory).filter((name) => /^0\.log\.\d+$/.test(name));
  expect(rotated.length).toBeGreaterThan(1);
  const found: string[] = [];
  for await (const line of backend.logs({ app: "api", lines: LINES + 1, follow: false }, new AbortController().signal))
    found.push(line.message);
  expect(found).toHaveLength(LINES + 1);
  expect(found.findIndex((line, at) => at < LINES && line !== `line ${at} and something more to fill it`)).toBe(-1);
});
