import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { commandLineOf } from "./environ.ts";
import { useScene } from "./scene.ts";
import { systemctl } from "./systemctl.ts";
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

const busPath = (): string => /^unix:path=([^,;]+)/.exec(process.env["DBUS_SESSION_BUS_ADDRESS"] ?? "")![1]!;

const answers = async (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });

describe("a restart of the bus", () => {
  it("is survived: velosd connects again and sees what it missed", async () => {
    expect(commandLineOf(1).join(" "), "only in the private user manager").toContain("user-manager.sh");
    await scene.must("start", "sleep 1000", "--name", "api", "-i", "4");
    const before = await scene.pids("api");
    const daemonPid = await scene.daemonPid();

    const [bus] = processes("dbus-daemon");
    const [manager] = processes("/systemd");
    process.kill(bus!, "SIGKILL");
    await until("the bus is gone", async () => !(await answers(busPath())));
    // systemctl reaches the manager without the bus; velosd cannot see these.
    await systemctl("stop", "velos-api@3");
    process.kill(before[2]!, "SIGKILL");
    const meanwhile = await scene.velos("scale", "api", "5");
    expect(meanwhile).toMatchObject({ code: 1 });
    expect(meanwhile.stderr).toContain("connection to the bus");

    const address = process.env["DBUS_SESSION_BUS_ADDRESS"]!;
    spawn("dbus-daemon", ["--session", `--address=${address}`, "--nofork", "--nopidfile", "--syslog-only"], {
      detached: true,
      stdio: "ignore",
    }).unref();
    await until("the bus is back", async () => answers(busPath()));
    // So a manager is told to connect to the bus again (systemd(1)).
    process.kill(manager!, "SIGUSR1");

    const velosd = await scene.connect();
    const listed = await until("velosd sees the world again", async () => {
      const { processes: instances } = (await velosd.call("list", {})).apps[0]!;
      return instances[3]!.status === "stopped" && instances[2]!.status === "online" && instances;
    });
    expect(await scene.daemonPid()).toBe(daemonPid);
    expect(listed.slice(0, 2).map(({ pid }) => pid)).toEqual(before.slice(0, 2));
    expect(listed[2]!.restarts).toBe(1);
    await scene.must("start", "api:3");
    await scene.must("scale", "api", "5");
    expect((await scene.instances("api")).map(({ status }) => status)).toEqual(Array(5).fill("online"));
  });
});
