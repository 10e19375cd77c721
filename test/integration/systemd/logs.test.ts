import { appendFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { journalLines } from "../../../src/backend/systemd/journal.ts";
import { Follower } from "./follow.ts";
import { useScene } from "./scene.ts";
import { syncJournal } from "./systemctl.ts";

const scene = useScene();

/** Each instance writes what is appended to the file `say-<app>`, a line each with its own number in it. */
const parrot = (): string =>
  scene.script("parrot.sh", 'file=$1/say-$VELOS_APP; touch "$file"', "echo ready", 'exec tail -n 0 -F "$file"');

const start = async (app: string, instances: number): Promise<void> => {
  await scene.must("start", parrot(), "--name", app, "-i", String(instances), "--", scene.directory);
};

const say = (app: string, ...lines: string[]): void =>
  appendFileSync(scene.path(`say-${app}`), lines.map((line) => `${line}\n`).join(""));

/** An app's name that no other run has used: the journal outlives apps. */
const fresh = (app: string): string => `${app}-${process.pid}-${Date.now().toString(36)}`;

const logs = async (...args: string[]): Promise<string[]> => {
  await syncJournal();
  return (await scene.must("logs", ...args)).stdout.split("\n").slice(0, -1);
};

describe("velos logs", () => {
  it("shows the last lines of all instances, oldest first, each with its instance's name", async () => {
    const app = fresh("api");
    const script = scene.script("count.sh", "for n in 1 2 3 4 5; do echo line $n; done", "exec sleep 1000");
    await scene.must("start", script, "--name", app, "-i", "2");
    const all = await logs(app);
    expect(all).toHaveLength(10);
    for (const index of [0, 1]) {
      const own = all.filter((line) => line.startsWith(`${app}:${index} |`));
      expect(own.map((line) => line.replace(/^.*\| /, ""))).toEqual([1, 2, 3, 4, 5].map((n) => `line ${n}`));
    }
    expect(await logs(app, "-n", "3")).toEqual(all.slice(-3));
    expect(await logs(`${app}:1`, "-n", "2")).toEqual([`${app}:1 | line 4`, `${app}:1 | line 5`]);
    expect(await logs(app, "-n", "0")).toEqual([]);
  });

  it("-n 5 --level error shows the last five errors, however many other lines came after them", async () => {
    const app = fresh("api");
    const script = scene.script(
      "levels.sh",
      'for n in 1 2 3 4 5 6 7 8; do echo "ERROR failure $n"; for m in 1 2 3 4 5 6 7 8 9 10; do echo "all is well $m"; done; done',
      'echo \'{"level":"error","msg":"as json"}\'',
      'echo \'{"level":30,"msg":"information"}\'',
      "for m in $(seq 200); do echo noise $m; done",
      "exec sleep 1000",
    );
    await scene.must("start", script, "--name", app);
    const errors = await logs(app, "-n", "5", "--level", "error");
    expect(errors.map((line) => line.replace(/^.*? \| /, ""))).toEqual([
      expect.stringContaining("failure 5") as string,
      expect.stringContaining("failure 6") as string,
      expect.stringContaining("failure 7") as string,
      expect.stringContaining("failure 8") as string,
      expect.stringContaining("as json") as string,
    ]);
  });

  it("--level finds lines by their priority as by their text, in the order in which they came", async () => {
    const app = fresh("api");
    const script = scene.script(
      "priorities.sh",
      "for n in 1 2 3 4; do",
      'echo "<3>by priority $n"; echo "ERROR by text $n"; echo "<6>ERROR is not one"; echo "<4>a warning $n"; done',
      "exec sleep 1000",
    );
    await scene.must("start", script, "--name", app);
    const messages = async (...args: string[]): Promise<string[]> =>
      (await logs(app, ...args)).map((line) => line.replace(/^.*? \| /, ""));
    // A priority that a line gives itself is not written into the journal as one when it is 6, which every line has.
    const errors = [1, 2, 3, 4].flatMap((n) => [`by priority ${n}`, `ERROR by text ${n}`, "ERROR is not one"]);
    expect(await messages("-n", "100", "--level", "error")).toEqual(errors);
    expect(await messages("-n", "4", "--level", "error")).toEqual(errors.slice(-4));
    expect(await messages("-n", "100", "--level", "warn")).toHaveLength(16);
    expect(await messages("-n", "100", "--level", "fatal")).toEqual([]);
  });

  it("a reading that is out of patience gives what it has found", async () => {
    const app = fresh("api");
    const script = scene.script(
      "much.sh",
      'for m in $(seq 3000); do echo "line $m of some length, so that what is cut off is in the middle of one"; done',
      "exec sleep 1000",
    );
    await scene.must("start", script, "--name", app);
    await syncJournal();
    for (let patienceMs = 1; patienceMs < 60; patienceMs += 3) {
      const found: string[] = [];
      let gaveUp = false;
      const query = { app, lines: 5000, follow: false, patienceMs, gaveUp: () => (gaveUp = true) };
      const reader = { scope: "user" as const, byPid: () => undefined };
      for await (const { message } of journalLines(query, reader, new AbortController().signal)) found.push(message);
      expect(found.length === 3000 || gaveUp).toBe(true);
      if (found.length > 0) expect(found.at(-1)).toMatch(/^line 3000 of/);
    }
  });

  it("--grep and --since choose lines", async () => {
    const app = fresh("api");
    await start(app, 1);
    const follower = new Follower(scene, "logs", app, "-f");
    await follower.sees(/ready/);
    say(app, "apple 1", "pear 1");
    await follower.sees(/pear 1/);
    const between = new Date().toISOString();
    say(app, "apple 2", "pear 2");
    await follower.sees(/pear 2/);
    await follower.end();
    expect(await logs(app, "--grep", "^apple")).toEqual([`${app}:0 | apple 1`, `${app}:0 | apple 2`]);
    expect(await logs(app, "--since", between)).toEqual([`${app}:0 | apple 2`, `${app}:0 | pear 2`]);
    expect(await logs(app, "--until", between, "--grep", "pear")).toEqual([`${app}:0 | pear 1`]);
    expect((await scene.velos("logs", app, "--grep", "(")).code).toBe(2);
    expect((await scene.velos("logs", app, "--level", "loud")).code).toBe(2);
    expect((await scene.velos("logs", app, "--since", "soonish")).code).toBe(2);
  });

  it("-f sees new lines, instances that a scale adds, and what a restart brings", async () => {
    const app = fresh("api");
    await start(app, 1);
    const follower = new Follower(scene, "logs", app, "-f");
    await follower.sees(/:0 \| ready/);
    say(app, "one");
    await follower.sees(/:0 \| one/);
    await scene.must("scale", app, "3");
    await follower.sees(/:2 \| ready/);
    await follower.sees(/:1 \| ready/);
    say(app, "two");
    for (const index of [0, 1, 2]) await follower.sees(new RegExp(`:${index} \\| two`));
    await scene.must("restart", `${app}:1`);
    await follower.sees(/:1 \| ready[^]*:1 \| ready/);
    await follower.end();
    expect(follower.lines.filter((line) => line.endsWith("| two"))).toHaveLength(3);
  });

  it("-f of one instance shows no other", async () => {
    const app = fresh("api");
    await start(app, 2);
    const follower = new Follower(scene, "logs", `${app}:1`, "-f");
    await follower.sees(/:1 \| ready/);
    say(app, "hello");
    await follower.sees(/:1 \| hello/);
    await follower.end();
    expect(follower.text).not.toContain(`${app}:0`);
  });

  it("of two apps, and without a selector, are interleaved by time", async () => {
    const [api, web] = [fresh("api"), fresh("web")];
    await start(api, 1);
    await start(web, 1);
    const follower = new Follower(scene, "logs", api, web, "-f");
    await follower.sees(new RegExp(`${api}:0 \\| ready`));
    await follower.sees(new RegExp(`${web}:0 \\| ready`));
    const turns = [api, web, web, api, web, api];
    for (const [turn, app] of turns.entries()) {
      say(app, `turn ${turn}`);
      await follower.sees(new RegExp(`${app}:0 \\| turn ${turn}`));
    }
    await follower.end();
    const expected = turns.map((app, turn) => `${app}:0 | turn ${turn}`);
    expect(follower.lines.filter((line) => line.includes("turn"))).toEqual(expected);
    expect(await logs(api, web, "-n", "6")).toEqual(expected);
    expect(await logs("-n", "4")).toEqual(expected.slice(-4));
  });

  it("still shows the lines of an instance that is gone", async () => {
    const app = fresh("api");
    await scene.velos("start", scene.script("brief.sh", "echo last words"), "--name", app, "--no-autorestart");
    expect(await logs(app)).toEqual([`${app}:0 | last words`]);
  });

  it("--json gives a line of JSON each", async () => {
    const app = fresh("api");
    await start(app, 1);
    const [line] = (await logs(app, "--json")).map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(line).toMatchObject({ app, index: 0, message: "ready", level: "info" });
  });
});
