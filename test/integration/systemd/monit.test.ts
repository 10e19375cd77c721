import { afterEach, describe, expect, it } from "vitest";
import { Pty } from "./pty.ts";
import { useScene } from "./scene.ts";
import { until } from "./until.ts";

const scene = useScene();
let pty: Pty | undefined;
afterEach(() => {
  pty?.kill();
  pty = undefined;
});

const open = (size: { columns?: number; rows?: number } = {}): Pty => {
  pty = new Pty(["monit"], { env: scene.env, cwd: scene.directory, ...size });
  return pty;
};

const DOWN = "\u001b[B";

/** An app that says each second who it is. */
const talker = (): string =>
  scene.script(
    "talk.sh",
    'trap "exit 0" TERM',
    'echo "<3>instance $VELOS_INSTANCE_ID complains"',
    'while :; do echo "instance $VELOS_INSTANCE_ID speaks"; sleep 0.2 & wait $!; done',
  );

describe("velos monit", () => {
  it("shows apps, instances and the log of what is selected, and gives the terminal back", async () => {
    // A name of its own: the journal keeps what apps of other tests have logged.
    await scene.must("start", talker(), "--name", "speaker", "-i", "2");
    const screen = open();
    await screen.shows(/velos +1 app +2 of 2 online/);
    await screen.shows(/▸ speaker +2\/2 online/);
    await screen.shows(/speaker:0 +online +\d/);
    await screen.shows(/── log of speaker ─+\n(.*\n)*speaker:1 \| instance 1 speaks/);
    screen.type(DOWN);
    await screen.shows(/▸ {3}speaker:0/);
    await screen.shows(/── log of speaker:0 ─+\n(speaker:0 \| .*\n)*speaker:0 \| instance 0 speaks/);
    screen.type("lll");
    await screen.shows(/── log of speaker:0, error and worse ─+\nspeaker:0 \| instance 0 complains\n/);
    expect(screen.onOtherScreen).toBe(true);
    screen.type("q");
    expect(await screen.ended()).toBe(0);
    expect(screen.onOtherScreen).toBe(false);
    expect(screen.raw.endsWith("\u001b[?7h\u001b[?25h\u001b[?1049l")).toBe(true);
  });

  it("scales, restarts, stops and starts, each after a question", async () => {
    await scene.must("start", talker(), "--name", "api", "-i", "1");
    const screen = open();
    await screen.shows(/api:0 +online/);
    screen.type("s3\r");
    await screen.shows(/api has 3 instances now/);
    await screen.shows(/velos +1 app +3 of 3 online/);
    const before = await scene.pids("api");
    screen.type(`${DOWN}R`);
    await screen.shows(/restart api:0\? y does it/);
    screen.type("n");
    await screen.shows(/select {2}r reload/);
    expect(await scene.pids("api")).toEqual(before);
    screen.type("Ry");
    await screen.shows(/api:0 restarted/);
    const after = await scene.pids("api");
    expect([after[0] === before[0], after.slice(1)]).toEqual([false, before.slice(1)]);
    screen.type("xy");
    await screen.shows(/api:0 stopped/);
    await screen.shows(/▸ {3}api:0 +stopped/);
    screen.type("xy");
    await screen.shows(/▸ {3}api:0 +online/);
  });

  it("shows how a reload goes", async () => {
    await scene.must("start", talker(), "--name", "api", "-i", "2", "--min-uptime", "500ms", "--kill-timeout", "200ms");
    const before = await scene.pids("api");
    const screen = open();
    await screen.shows(/api:1 +online/);
    screen.type("ry");
    await screen.shows(/▸ api +reload \d\/2/);
    await screen.shows(/0 \w+ {2}1 (draining|starting|ready)/);
    await screen.shows(/api reloaded/);
    expect((await scene.pids("api")).some((pid) => before.includes(pid))).toBe(false);
  });

  it("says what velosd refuses", async () => {
    await scene.must("start", talker(), "--name", "api");
    const screen = open({ columns: 140 });
    await screen.shows(/api:0 +online/);
    screen.type("s-5\r");
    await screen.shows(/scale api: '-5' is not a number of instances/);
  });

  it("tells of a crash, and of why", async () => {
    const script = scene.script("crash.sh", "sleep 0.3", "exit 7");
    await scene.velos("start", script, "--name", "bad", "--max-restarts", "1", "--restart-delay", "50ms");
    const screen = open();
    await screen.shows(/1 needs attention/);
    screen.type(DOWN);
    await screen.shows(/bad:0: crashed too often in a row \(exit code 7\); velos gave up/);
  });

  it("goes on when velosd is killed and comes back", async () => {
    await scene.must("start", talker(), "--name", "api", "-i", "2");
    const screen = open();
    await screen.shows(/api \| instance|api:\d \| instance \d speaks/);
    await scene.must("kill");
    await screen.shows(/cannot reach velosd.*apps go on/);
    await screen.shows(/api:1 +online/);
    await scene.must("scale", "api", "3");
    await screen.shows(/velos +1 app +3 of 3 online/);
    await screen.shows(/api:2 \| instance 2 speaks/);
  });

  it("fits any size, and follows the terminal's", async () => {
    await scene.must("start", talker(), "--name", "api", "-i", "6");
    const screen = open({ columns: 100, rows: 30 });
    await screen.shows(/api:5 +online/);
    screen.resize(44, 12);
    await screen.shows(/^ velos {3}1 app {3}6 of 6 online\n {2}name/);
    expect(screen.lines).toHaveLength(12);
    await until("the foot is at the foot", () => screen.lines.at(-1)!.startsWith(" ↑↓ select"));
    for (let press = 0; press < 6; press++) screen.type(DOWN);
    await screen.shows(/▸ {3}api:5/);
    screen.resize(120, 40);
    await screen.shows(/pid\n/);
    screen.resize(5, 2);
    await until("it fits two lines", () => screen.lines.every((line) => line.length <= 5));
    screen.type("\u0003");
    expect(await screen.ended()).toBe(130);
  });

  it("does not let an app's output command the terminal", async () => {
    const script = scene.script(
      "evil.sh",
      'printf "\\033[2J\\033[31mred\\033]0;title\\007 \\r over\\n"',
      "exec sleep 1000",
    );
    await scene.must("start", script, "--name", "evil");
    const screen = open();
    await screen.shows(/evil:0 \| red {2}over/);
    expect(screen.raw).not.toContain("title");
  });

  it("says so where there is no terminal", async () => {
    const { code, stderr, stdout } = await scene.velos("monit");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/velos monit needs a terminal to draw on\n.*velos list --watch/);
    expect((await scene.velos("monit", "--json")).code).toBe(2);
  });
});
