import { existsSync, rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../../src/client/connection.ts";
import type { InstanceView } from "../../../src/controller/views.ts";
import { freePort, freePorts } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { nothingLost, underLoad } from "./under-load.ts";
import { until } from "./until.ts";
import { webApp } from "./web-app.ts";

const scene = useScene();

const CHECK = 'interval = "100ms"\ntimeout = "2s"\nfailures = 2\ngrace_period = "30s"\n';

const processes = async (velosd: Connection): Promise<InstanceView[]> =>
  (await velosd.call("list", {})).apps[0]!.processes;

/** Makes one instance of three ill, once all have been found well, and expects that it alone is restarted. */
const expectRestart = async (makeIll: () => void, makeWell: () => void): Promise<void> => {
  const velosd = await scene.connect();
  await until("all have been well", () => [0, 1, 2].every((index) => existsSync(scene.path(`well-${index}`))), 20_000);
  const before = await processes(velosd);
  expect(before.map(({ status, restarts }) => [status, restarts])).toEqual(Array(3).fill(["online", 0]));
  makeIll();
  await until("api:1 is restarted", async () => (await processes(velosd))[1]!.pid !== before[1]!.pid);
  makeWell();
  const after = await until("api:1 is online", async () => {
    const now = await processes(velosd);
    return now[1]!.status === "online" && now[1]!.pid !== undefined && now;
  });
  expect(after[1]!.restarts).toBeGreaterThanOrEqual(1);
  expect([after[0], after[2]].map((one) => [one!.pid, one!.restarts])).toEqual(
    [before[0], before[2]].map((one) => [one!.pid, 0]),
  );
};

const sick = {
  make: (): void => void scene.write("sick-1", ""),
  heal: (): void => rmSync(scene.path("sick-1")),
};

describe("an instance that fails its health check is restarted, and no other", () => {
  it("http with a path, behind a shared socket: each instance is asked by itself", async () => {
    const port = await freePort();
    webApp(scene);
    scene.write(
      "velos.toml",
      `[apps.api]\nscript = "server.mjs"\ninstances = 3\nlisten = [${port}]\n[apps.api.health]\nhttp = "/healthz"\n${CHECK}`,
    );
    await scene.must("start", "--config", "velos.toml");
    const seen = await underLoad({ url: `http://127.0.0.1:${port}/` }, async () => expectRestart(sick.make, sick.heal));
    expect(seen).toMatchObject(nothingLost);
    expect((await scene.must("describe", "api")).stdout).toMatch(/http \/healthz every 100ms/);
  });

  it.each([
    ["http with a URL", 'http = "http://127.0.0.1:{PORT}/healthz"'],
    ["http with a path, on the port of its own", 'http = "/healthz"'],
  ])("%s", async (_, check) => {
    const port = await freePorts(3);
    webApp(scene);
    scene.write(
      "velos.toml",
      `[apps.api]\nscript = "server.mjs"\ninstances = 3\nenv = { PORT = "${port}" }\nincrement_var = "PORT"\n[apps.api.health]\n${check}\n${CHECK}`,
    );
    await scene.must("start", "--config", "velos.toml");
    await expectRestart(sick.make, sick.heal);
  });

  it("tcp", async () => {
    const port = await freePorts(3);
    scene.write(
      "tcp.mjs",
      `import { appendFileSync, existsSync } from "node:fs";
import { createServer } from "node:net";
const server = createServer((socket) => {
  appendFileSync("well-" + process.env.NODE_APP_INSTANCE, "");
  socket.end();
}).listen(Number(process.env.PORT));
const look = setInterval(() => {
  if (!existsSync("sick-" + process.env.NODE_APP_INSTANCE)) return;
  server.close();
}, 20);`,
    );
    scene.write(
      "velos.toml",
      `[apps.api]\nscript = "tcp.mjs"\ninstances = 3\nenv = { PORT = "${port}" }\nincrement_var = "PORT"\n[apps.api.health]\ntcp = "127.0.0.1:{PORT}"\n${CHECK}`,
    );
    await scene.must("start", "--config", "velos.toml");
    await expectRestart(sick.make, sick.heal);
  });

  it("a command, run in its directory with its environment", async () => {
    scene.script(
      "check.sh",
      '[ "$GREETING" = hello ] || exit 9',
      '[ ! -e "sick-$VELOS_INSTANCE_ID" ] || exit 1',
      ': > "well-$VELOS_INSTANCE_ID"',
    );
    scene.write(
      "velos.toml",
      `[apps.api]\ncommand = ["sleep", "1000"]\ninstances = 3\nenv = { GREETING = "hello" }\n[apps.api.health]\ncommand = ["./check.sh"]\n${CHECK}`,
    );
    await scene.must("start", "--config", "velos.toml");
    await expectRestart(sick.make, sick.heal);
  });
});

describe("a health check that cannot work is refused with a hint", () => {
  it("a path behind a shared socket, of an app that is not Node's", async () => {
    const port = await freePort();
    scene.write(
      "velos.toml",
      `[apps.api]\ncommand = ["sleep", "1000"]\nlisten = [${port}]\n[apps.api.health]\nhttp = "/x"\n`,
    );
    const started = await scene.velos("start", "--config", "velos.toml");
    expect(started.code).toBe(2);
    const [line, hint] = started.stderr.split("\n");
    expect(line).toMatch(/health of api: behind a shared socket any instance might answer/);
    expect(hint).toMatch(/command.*increment_var/);
    expect(await scene.list()).toEqual([]);
  });

  it("a path without a port, and a variable that is not set", async () => {
    const start = async (check: string) => {
      scene.write("velos.toml", `[apps.api]\ncommand = ["sleep", "1000"]\n[apps.api.health]\n${check}\n`);
      const { code, stderr } = await scene.velos("start", "--config", "velos.toml");
      expect(code).toBe(2);
      return stderr;
    };
    expect(await start('http = "/x"')).toMatch(/its port is not known/);
    expect(await start('tcp = "127.0.0.1:{ADMIN}"')).toMatch(/no variable ADMIN/);
    expect(await scene.list()).toEqual([]);
  });
});
