import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { commandLineOf } from "./environ.ts";
import { useScene } from "./scene.ts";
import { property, systemctl } from "./systemctl.ts";
import { until } from "./until.ts";

const scene = useScene();

/** Processes whose first word ends so. The harness gives this namespace of processes to the tests alone. */
const processes = (program: string): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && commandLineOf(pid)[0]?.endsWith(program);
      } catch {
        return false;
      }
    });

const address = process.env["DBUS_SESSION_BUS_ADDRESS"] ?? "";

const answers = async (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(/^unix:path=([^,;]+)/.exec(address)![1]!, () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });

/** True when the manager holds the bus's socket and starts the bus by itself, as on a desktop. */
const isActivated = async (): Promise<boolean> => (await property("dbus.socket", "ActiveState")) === "active";

const endBus = async (activated: boolean): Promise<void> => {
  if (activated) await systemctl("stop", "dbus.socket", "dbus.service");
  for (const pid of processes("dbus-daemon")) process.kill(pid, "SIGKILL");
  await until("the bus is gone", async () => !(await answers()));
};

const beginBus = async (activated: boolean): Promise<void> => {
  if (activated) {
    await systemctl("start", "dbus.socket");
  } else {
    const options = ["--session", `--address=${address}`, "--nofork", "--nopidfile", "--syslog-only"];
    spawn("dbus-daemon", options, { detached: true, stdio: "ignore" }).unref();
  }
  await until("the bus is back", answers);
  // So a manager is told to connect to the bus again (systemd(1)).
  process.kill(processes("/systemd")[0]!, "SIGUSR1");
};

describe("a restart of the bus", () => {
  it("is survived: velosd connects again and sees what it missed", async () => {
    expect(commandLineOf(1).join(" "), "only in the private user manager").toContain("user-manager.sh");
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "4");
    const before = await scene.pids("api");
    const daemonPid = await scene.daemonPid();

    const activated = await isActivated();
    await endBus(activated);
    // systemctl reaches the manager without the bus; velosd cannot see these.
    await systemctl("stop", "velos-api@3");
    process.kill(before[2]!, "SIGKILL");
    const velosd = await scene.connect();
    expect(await scene.pids("api"), "the last that is known").toEqual(before);
    await beginBus(activated);

    const listed = await until("velosd sees the world again", async () => {
      const { processes: instances } = (await velosd.call("list", {})).apps[0]!;
      const [, , killed, stopped] = instances;
      return stopped!.status === "stopped" && killed!.status === "online" && killed!.restarts === 1 && instances;
    });
    expect(await scene.daemonPid()).toBe(daemonPid);
    expect(listed.slice(0, 2).map(({ pid }) => pid)).toEqual(before.slice(0, 2));
    await scene.must("start", "api:3");
    await scene.must("scale", "api", "5");
    expect((await scene.instances("api")).map(({ status }) => status)).toEqual(Array(5).fill("online"));
  });

  it("holds back what is asked for meanwhile, and does it afterwards", async () => {
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "2");
    const before = await scene.pids("api");
    const velosd = await scene.connect();
    const activated = await isActivated();
    await endBus(activated);
    const scaled = velosd.call("scale", { app: "api", instances: "4" });
    scaled.catch(() => {});
    await until("it is wanted", async () => (await velosd.call("list", {})).apps[0]!.instances === 4);
    await beginBus(activated);
    await scaled;
    const instances = await scene.instances("api");
    expect(instances.map(({ status }) => status)).toEqual(Array(4).fill("online"));
    expect(instances.slice(0, 2).map(({ pid }) => pid)).toEqual(before);
  });
});
