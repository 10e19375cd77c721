import { stat } from "node:fs/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { until } from "../integration/systemd/until.ts";
import { environmentOf, must, rows, run, velos } from "./velos.ts";

const example = "/src/packaging/examples/http.mjs";

describe("velos in the system scope", () => {
  afterEach(async () => {
    await velos("delete", "all");
  });
  afterAll(async () => {
    await velos("kill");
  });

  it("starts four instances as units of systemd, each with its own index", async () => {
    const started = await velos("start", example, "--name", "api", "-i", "4");
    expect(started.stderr).toBe("");
    expect(started.code).toBe(0);
    const units = await must("systemctl", "list-units", "--plain", "--no-legend", "velos-api@*.service");
    expect(units.split("\n").map((line) => line.split(/\s+/)[0])).toEqual(
      [0, 1, 2, 3].map((index) => `velos-api@${index}.service`),
    );
    const list = await rows();
    expect(list.map(({ name, status }) => `${name} ${status}`)).toEqual(
      [0, 1, 2, 3].map((index) => `api:${index} online`),
    );
    for (const [index, { pid }] of list.entries()) {
      expect(await environmentOf(pid!)).toMatchObject({
        VELOS_INSTANCE_ID: String(index),
        NODE_APP_INSTANCE: String(index),
        VELOS_INSTANCES: "4",
      });
    }
    expect(await must("systemctl", "status", "velos-api@0")).toContain("velos: api, instance 0");
    expect(await must("systemctl", "show", "-P", "Slice", "velos-api@0")).toBe("velos-api.slice");
  });

  it("keeps velosd's socket and store to root and the group velos", async () => {
    await velos("ping");
    expect((await stat("/run/velos/velosd.sock")).mode & 0o777).toBe(0o660);
    expect((await stat("/run/velos")).mode & 0o777).toBe(0o750);
    expect((await stat("/var/lib/velos/apps")).mode & 0o077).toBe(0);
    const asTester = await run(
      "runuser",
      "-u",
      "tester",
      "--",
      process.execPath,
      "/src/dist/velos.cjs",
      "--system",
      "list",
    );
    expect(asTester.code).toBe(4);
    expect(asTester.stderr).toContain("is not yours to open");
    expect(asTester.stderr.trim().split("\n")).toHaveLength(2);
  });

  it("runs an app as another user, with that user's home", async () => {
    await velos("start", "sleep", "--name", "worker", "--uid", "tester", "--cwd", "/", "--", "1000");
    const [row] = await rows();
    expect(row).toMatchObject({ name: "worker:0", status: "online" });
    expect((await stat(`/proc/${row!.pid}`)).uid).toBe(1000);
    expect(await environmentOf(row!.pid!)).toMatchObject({ USER: "tester", HOME: "/home/tester" });
  });

  it("keeps what comes from an env file out of systemctl show", async () => {
    await must("sh", "-c", "printf 'TOKEN=\"very secret $x\"\\n' > /tmp/secret.env");
    await velos("start", "sleep", "--name", "worker", "--env-file", "/tmp/secret.env", "-e", "SEEN=yes", "--", "1000");
    const [row] = await rows();
    expect(await environmentOf(row!.pid!)).toMatchObject({ TOKEN: "very secret $x", SEEN: "yes" });
    const shown = await must("systemctl", "show", "velos-worker@0");
    expect(shown).toContain("SEEN=yes");
    expect(shown).not.toContain("very secret");
    expect((await velos("env", "worker:0")).stdout).toContain("TOKEN=********");
  });

  it("passes properties of systemd through", async () => {
    await must(
      "sh",
      "-c",
      'printf \'[apps.worker]\\ncommand = ["sleep", "1000"]\\n[apps.worker.systemd]\\nIOWeight = 50\\nNice = 5\\n\' > /tmp/velos.toml',
    );
    expect((await velos("start", "--config", "/tmp/velos.toml")).code).toBe(0);
    expect(await must("systemctl", "show", "-P", "Nice", "velos-worker@0")).toBe("5");
    expect(await must("systemctl", "show", "-P", "IOWeight", "velos-worker@0")).toBe("50");
  });

  it("leaves the applications alone when velosd is killed, and finds them again", async () => {
    await velos("start", "sleep", "--name", "worker", "-i", "3", "--", "1000");
    const before = await rows();
    await must("systemctl", "kill", "--signal=KILL", "velosd.service");
    expect(await rows()).toEqual(
      before.map((row) => expect.objectContaining({ name: row.name, pid: row.pid, status: "online" })),
    );
    await velos("kill");
    expect((await run("systemctl", "is-active", "velosd.service", "velosd.socket")).stdout).not.toContain(
      "active\nactive",
    );
    expect((await rows()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  });

  it("is told by the manager what an operator does, and does not fight it", async () => {
    await velos("start", "sleep", "--name", "worker", "-i", "2", "--", "1000");
    await must("systemctl", "stop", "velos-worker@1");
    expect((await rows()).map(({ status }) => status)).toEqual(["online", "stopped"]);
    await must("systemctl", "daemon-reload");
    expect((await rows()).map(({ status }) => status)).toEqual(["online", "stopped"]);
    await velos("start", "worker:1");
    expect((await rows()).map(({ status }) => status)).toEqual(["online", "online"]);
  });

  it("reads the logs from the journal", async () => {
    await velos(
      "start",
      "sh",
      "--name",
      "talker",
      "-i",
      "2",
      "--",
      "-c",
      'echo "hello from $VELOS_INSTANCE_ID"; exec sleep 1000',
    );
    await must("journalctl", "--sync");
    const { stdout } = await velos("logs", "talker");
    expect(stdout.trim().split("\n").sort()).toEqual(["talker:0 | hello from 0", "talker:1 | hello from 1"]);
  });

  it("keeps its own exporter and dashboard running as apps, as the README has it", async () => {
    const program = `${process.execPath} /src/dist/velos.cjs`;
    const served = async (path: string): Promise<string> =>
      (await run("curl", "--silent", "--max-time", "5", `http://127.0.0.1:${path}`)).stdout;
    for (const [name, command] of [
      ["exporter", "metrics --port 3961"],
      ["dashboard", "api --port 3962"],
    ] as const)
      expect(await velos("start", `${program} ${command}`, "--name", name)).toMatchObject({ code: 0 });
    await until("the exporter tells of both", async () => {
      const figures = await served("3961/metrics");
      return ["exporter", "dashboard"].every((name) => figures.includes(`velos_app_instances_ready{name="${name}"} 1`));
    });
    await until("the API answers root", async () => (await served("3962/api/processes")).includes('"exporter:0"'));
  });
});
