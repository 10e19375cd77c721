import { describe, expect, it } from "vitest";
import { useScene } from "./scene.ts";
import { property } from "./systemctl.ts";

const scene = useScene();

const BOOT_MS = 400;

/** Programs that note "ready" and say so, each in its way, after a boot. */
const programs: Record<string, () => string> = {
  "process.send('ready')": () =>
    scene.write(
      "app.mjs",
      `import { appendFileSync } from "node:fs";
setTimeout(() => { appendFileSync("ready", "yes\\n"); process.send("ready"); }, ${BOOT_MS});
setInterval(() => {}, 1000);`,
    ),
  "systemd-notify, from a shell script": () =>
    scene.script("app.sh", `sleep 0.${BOOT_MS}`, "echo yes >> ready", "systemd-notify --ready", "exec sleep 1000"),
  "READY=1, from a Python program": () =>
    scene.write(
      "app.py",
      `import os, socket, time
time.sleep(${BOOT_MS / 1000})
open("ready", "a").write("yes\\n")
path = os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", path)
time.sleep(1000)`,
    ),
};

describe("wait_ready", () => {
  it.each(Object.entries(programs))("%s: start returns when every instance has said so", async (_, write) => {
    await scene.must("start", write(), "--name", "api", "-i", "2", "--wait-ready");
    expect(scene.lines("ready")).toHaveLength(2);
    expect(await property("velos-api@0", "Type")).toBe("notify");
    expect((await scene.instances("api")).map(({ status }) => status)).toEqual(["online", "online"]);
  });

  it("is an error after listen_timeout, with the last lines of the log", async () => {
    // One of the same name that is gone: its errors are not told as this one's.
    const before = scene.write("before.mjs", 'throw new Error("of another app")');
    expect((await scene.velos("start", before, "--name", "api", "--max-restarts", "1")).stderr).toContain(
      "of another app",
    );
    await scene.must("delete", "api");
    const app = scene.script("mute.sh", "echo still loading the model", "exec sleep 1000");
    const flags = ["--wait-ready", "--listen-timeout", "500ms", "--max-restarts", "1"];
    const started = await scene.velos("start", app, "--name", "api", ...flags);
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(/api:0 did not come up: timed out/);
    expect(started.stderr).toMatch(/still loading the model/);
    expect(started.stderr).not.toContain("of another app");
    expect(started.tookMs).toBeGreaterThanOrEqual(500);
  });
});
