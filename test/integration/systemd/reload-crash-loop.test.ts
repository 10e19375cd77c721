import { expect, it } from "vitest";
import { useScene } from "./scene.ts";

const scene = useScene();

it("a reload of an app that crashes again and again tells how its program ended, and not that velos stopped it", async () => {
  const script = scene.write("crash.js", "setTimeout(() => process.exit(3), 60);");
  await scene.velos("start", script, "-n", "c3", "-i", "2", "--max-restarts", "10000");
  for (let round = 0; round < 5; round++) {
    const { stderr } = await scene.velos("reload", "c3");
    expect(stderr).not.toContain("SIGTERM");
    if (stderr !== "") expect(stderr).toContain("exit code 3");
  }
}, 120_000);
