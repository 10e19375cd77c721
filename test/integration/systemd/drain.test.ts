import { describe, expect, it } from "vitest";
import { freePort } from "./free-port.ts";
import { useScene } from "./scene.ts";
import { until } from "./until.ts";
import { readAnswer, webApp } from "./web-app.ts";

const scene = useScene();

/** Sends requests that are answered late; resolves when all of them are in the hands of instances. */
const inFlight = async (url: string, count: number): Promise<{ answers: Promise<string[]> }> => {
  const answers = Promise.all(Array.from({ length: count }, async () => (await fetch(url)).text()));
  answers.catch(() => {});
  await until("all are in flight", () => scene.lines("noted").length >= count);
  return { answers };
};

describe("an app that ends answers what is in flight", () => {
  it.each([
    ["stop", ["stop", "api"]],
    ["delete", ["delete", "api"]],
    ["restart", ["restart", "api"]],
  ])("%s", async (_, command) => {
    const port = await freePort();
    const slow = ["-e", "DELAY_MS=700"];
    await scene.must("start", webApp(scene), "--name", "api", "-i", "2", "--listen", String(port), ...slow);
    const before = await scene.pids("api");
    const { answers } = await inFlight(`http://127.0.0.1:${port}/noted`, 20);
    await scene.must(...command);
    for (const answer of await answers) expect(before).toContain(readAnswer(answer).pid);
  });

  it("but not for longer than kill_timeout", async () => {
    const port = await freePort();
    const flags = ["-e", "DELAY_MS=60000", "--kill-timeout", "1s"];
    await scene.must("start", webApp(scene), "--name", "api", "--listen", String(port), ...flags);
    const { answers } = await inFlight(`http://127.0.0.1:${port}/noted`, 2);
    const stopped = await scene.must("stop", "api");
    expect(stopped.tookMs).toBeLessThan(5000);
    await expect(answers).rejects.toThrow();
  });
});
