import { describe, expect, it } from "vitest";
import { freePort } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { loadedUnits, property } from "./systemctl.ts";

const scene = useScene();

describe("velos start --dry-run", () => {
  it("shows what the unit gets, and does nothing", async () => {
    const port = await freePort();
    const script = scene.write(
      "dry.mjs",
      "import { createServer } from 'node:http'; createServer().listen(process.env.PORT);",
    );
    const words = [script, "--name", "dry", "-i", "2", "--listen", `127.0.0.1:${port}`, "--kill-timeout", "1234ms"];
    const limits = ["--max-memory", "1G", "--env", "GREETING=hello, world", "--sandbox", "default"];
    const { stdout } = await scene.must("start", ...words, ...limits, "--dry-run");
    expect((await loadedUnits()).filter((unit) => unit.includes("dry"))).toEqual([]);
    expect(stdout).toContain(`# velos-dry.socket: 127.0.0.1:${port}\n`);
    expect(stdout).toContain("# velos-dry@0.service to velos-dry@1.service\n");

    await scene.must("start", ...words, ...limits);
    const shown = (name: string): string =>
      new RegExp(`^${name}=(.*)$`, "m").exec(stdout.split("velos-dry@0.service")[1]!)![1]!;
    for (const name of ["Type", "WorkingDirectory", "Slice", "Restart", "KillMode", "KillSignal", "NonBlocking"]) {
      expect(`${name}=${await property("velos-dry@0.service", name)}`).toBe(`${name}=${shown(name)}`);
    }
    expect(await property("velos-dry@0.service", "TimeoutStopUSec")).toMatch(/^1\.2340*s$/);
    expect(shown("TimeoutStopUSec")).toBe("1234ms");
    const spec = /VELOS_SPEC=(\w+)/;
    expect(spec.exec(await property("velos-dry@0.service", "Environment"))![1]).toBe(spec.exec(stdout)![1]);
    expect(stdout).toContain('Environment="GREETING=hello, world"\n');
    expect(await property("velos-dry@0.service", "LockPersonality")).toBe(shown("LockPersonality"));
  });
});
