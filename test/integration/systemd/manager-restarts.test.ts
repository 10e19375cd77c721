import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { freePort } from "../../backend/free-port.ts";
import { randomFrom } from "./random.ts";
import { useScene } from "./scene.ts";
import { property, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

/** Does something again and again, as long as the work goes on. */
const during = async <T>(work: Promise<T>, again: () => Promise<unknown>): Promise<T> => {
  let isOver = false;
  const ended = work.finally(() => (isOver = true));
  ended.catch(() => {});
  while (!isOver) await again();
  return ended;
};

const server = (): string =>
  scene.write(
    "server.js",
    `require("http").createServer((_, answer) => answer.end(process.env.N)).listen(Number(process.env.PORT));`,
  );

describe("while the manager reads its files again (daemon-reload)", () => {
  it("an app is started and rolled out, and its socket stays open", async () => {
    const port = String(await freePort());
    const start = (n: number) =>
      scene.velos("start", server(), "-n", "api", "-i", "4", "--listen", port, "-e", `PORT=${port}`, "-e", `N=${n}`);
    expect((await during(start(0), () => systemctl("daemon-reload"))).stderr).toBe("");
    const opened = await property("velos-api.socket", "ActiveEnterTimestampMonotonic");
    for (const n of [1, 2]) {
      expect((await during(start(n), () => systemctl("daemon-reload"))).stderr).toBe("");
      expect(await property("velos-api.socket", "ActiveEnterTimestampMonotonic")).toBe(opened);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe(String(n));
    }
    // What no signal tells is known of each.
    const { apps } = (await (await scene.connect()).call("list", {})) as {
      apps: { processes: { spec?: string; status: string }[] }[];
    };
    const instances = apps[0]!.processes;
    expect(new Set(instances.map(({ status }) => status))).toEqual(new Set(["online"]));
    expect([...new Set(instances.map(({ spec }) => spec))]).toEqual([expect.stringMatching(/^\w{12}$/)]);
  }, 120_000);
});

describe("while the manager starts itself anew (daemon-reexec, as each upgrade of systemd does it)", () => {
  it("whatever is being started comes up", async () => {
    await scene.must("start", "sleep 1000", "-n", "many", "-i", "2");
    const random = randomFrom(5);
    for (let round = 0; round < 10; round++) {
      const count = round % 2 === 0 ? 12 : 2;
      const scaled = scene.velos("scale", "many", String(count));
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 400));
      await systemctl("daemon-reexec");
      await scaled;
      await until(`${count} are online`, async () => {
        const instances = await scene.instances("many");
        expect(instances.filter(({ status }) => status === "errored")).toEqual([]);
        return instances.length === count && instances.every(({ status }) => status === "online");
      });
    }
  }, 120_000);
});

/** Sends velosd a signal of D-Bus in the manager's words, which only the manager may. */
const forge = async (): Promise<void> => {
  const names = await promisify(execFile)("busctl", ["--user", "list", "--no-legend"]);
  const velosd = await property("velosd.service", "MainPID");
  const [name] = names.stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find(([unique, pid]) => unique!.startsWith(":") && pid === velosd)!;
  await promisify(execFile)("dbus-send", [
    "--session",
    "--type=signal",
    `--dest=${name}`,
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager.UnitRemoved",
    "string:velos-api@0.service",
    "objpath:/org/freedesktop/systemd1/unit/velos_2dapi_400_2eservice",
  ]);
};

it("nobody else is taken for the manager", async () => {
  await scene.must("start", "sleep 1000", "-n", "api");
  const before = await scene.instances("api");
  await forge();
  const [instance] = await scene.instances("api");
  expect(instance).toMatchObject({ status: "online", pid: before[0]!.pid });
});
