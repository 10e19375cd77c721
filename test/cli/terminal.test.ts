import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestVelosd, until } from "./harness.ts";

let velosd: TestVelosd;
beforeEach(async () => {
  velosd = await TestVelosd.start();
  await velosd.velos("start", "server.js", "--name", "api", "-i", "2");
});
afterEach(() => velosd.close());

const plain = (text: string): string => text.replace(/\u001b\[[?\d;]*[A-Za-z]/g, "");

describe("work that takes longer than a second", () => {
  beforeEach(() => {
    velosd.world.delay = (operation) => (operation === "stop" ? 1400 : undefined);
  });

  it("shows each instance on a terminal, and clears that away", async () => {
    const terminal = velosd.terminal({ isTTY: true, columns: 80, rows: 24 });
    const { code, out, err } = await terminal.run("stop", "api");
    expect(code).toBe(0);
    expect(plain(err)).toMatch(/api:0 {2}stopping {2}1s\napi:1 {2}stopping {2}1s\n/);
    expect(err.endsWith("\u001b[2A\r\u001b[J")).toBe(true);
    expect(plain(out)).toMatch(/api:0 {2}stopped/);
  });

  it("is silent elsewhere", async () => {
    expect((await velosd.velos("stop", "api")).err).toBe("");
  });

  it.each([true, false])("ends with 130 on Ctrl-C, and velosd goes on (terminal: %s)", async (isTTY) => {
    const terminal = velosd.terminal({ isTTY });
    const ended = terminal.run("stop", "api");
    await until(() => velosd.world.calls.includes("stop api:1"), "the stop is under way");
    terminal.interrupt();
    const { code, out, err } = await ended;
    expect([code, out]).toEqual([130, ""]);
    expect(plain(err)).toBe("velos: velosd goes on with it; `velos list --watch` shows how far it is\n");
    await until(() => !velosd.world.apps.has("api"), "velosd has stopped them");
  });
});

it("quick work shows no progress", async () => {
  const { err } = await velosd.terminal({ isTTY: true }).run("stop", "api");
  expect(err).toBe("");
});

describe("velos list --watch", () => {
  const HIDE = "\u001b[?1049h\u001b[?25l";
  const SHOW = "\u001b[?25h\u001b[?1049l";

  it.each([
    ["q", 0],
    ["\u0003", 130],
    ["\u001b", 0],
  ])("draws on the other screen until %j", async (key, expected) => {
    const terminal = velosd.terminal({ isTTY: true, columns: 80, rows: 10 });
    const ended = terminal.run("list", "-w");
    await until(() => terminal.out.includes("api:1"), "the table is drawn");
    expect([terminal.raw, terminal.out.startsWith(HIDE)]).toEqual([true, true]);
    terminal.stdin.write(key);
    const { code, out } = await ended;
    expect([code, terminal.raw, out.endsWith(SHOW)]).toEqual([expected, false, true]);
  });

  it("draws again when the terminal's size changes, and cuts what does not fit", async () => {
    const terminal = velosd.terminal({ isTTY: true, columns: 80, rows: 24 });
    const ended = terminal.run("list", "-w");
    await until(() => terminal.out.includes("api:1"), "the table is drawn");
    [terminal.stdout.columns, terminal.stdout.rows, terminal.out] = [30, 4, ""];
    terminal.stdout.emit("resize");
    await until(() => terminal.out.includes("more lines"), "it is drawn again");
    for (const line of plain(terminal.out).split("\r\n")) expect(line.length).toBeLessThanOrEqual(30);
    terminal.interrupt();
    expect((await ended).code).toBe(130);
  });

  it("goes on when velosd goes", async () => {
    const terminal = velosd.terminal({ isTTY: true, columns: 80, rows: 24 });
    const ended = terminal.run("list", "-w");
    await until(() => terminal.out.includes("api:1"), "the table is drawn");
    await velosd.velos("kill");
    await until(() => terminal.out.includes("cannot reach velosd"), "it says so");
    terminal.stdin.write("q");
    expect((await ended).code).toBe(0);
  });

  it("prints one table below the other elsewhere, with --json one a line", async () => {
    const terminal = velosd.terminal();
    const ended = terminal.run("list", "-w", "--json");
    await until(() => terminal.out.split("\n").length > 2, "two lines");
    terminal.interrupt();
    const { code, out } = await ended;
    expect(code).toBe(130);
    expect(JSON.parse(out.split("\n")[1]!)).toMatchObject({ apps: [{ name: "api" }] });
  });
});
