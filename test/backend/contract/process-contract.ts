import { expect, test } from "vitest";
import type { AppSpec } from "../../../src/domain/app.ts";
import type { ContractContext } from "../contract.ts";
import { firstMessages, isRunning } from "../harness.ts";

/** Prints its arguments and environment as one line of JSON, and stays. */
const REPORT =
  "console.log(JSON.stringify({ args: process.argv.slice(1), env: process.env, cwd: process.cwd() })); setInterval(() => {}, 1e6);";

const AWKWARD = [
  ["spaces", "a b  c "],
  ["quotes", `it's "quoted" \`so\``],
  ["a variable", "$HOME ${HOME} $$ $(id)"],
  ["specifiers", "%n %% %i %h"],
  ["newlines", "first\nsecond\n"],
  ["non-ASCII", "gr\u00fc\u00dfe \u65e5\u672c \u{1f600}"],
  ["backslashes", "a\\b \\n \\x41 \\"],
  ["nothing", ""],
  ["separators", ";|&<>#*?[]!~="],
  ["control characters", "\t\u001b[0m\r\u0001\u0007\u007f"],
] as const;

/** The part of the contract that only instances with processes can keep. */
export const processContract = (context: ContractContext): void => {
  const report = async (overrides: Partial<AppSpec> = {}, args: string[] = []) => {
    await context.start(
      { does: "run" },
      { program: process.execPath, args: ["-e", REPORT, "--", ...args], ...overrides },
    );
    const [line] = await firstMessages(context.watched.backend, context.app, 1);
    return JSON.parse(line!) as { args: string[]; env: Record<string, string>; cwd: string };
  };

  test("arguments reach the process unchanged", async () => {
    const args = AWKWARD.map(([, text]) => text);
    expect((await report({}, args)).args).toEqual(args);
  });

  test("values of variables reach the process unchanged, secret ones too", async () => {
    const env = Object.fromEntries(AWKWARD.map(([, text], at) => [`AWKWARD_${at}`, text]));
    const secretEnv = Object.fromEntries(AWKWARD.map(([, text], at) => [`SECRET_${at}`, text]));
    const seen = (await report({ env, secretEnv })).env;
    expect(seen).toMatchObject({
      ...env,
      ...secretEnv,
      VELOS_APP: context.app,
      VELOS_INSTANCE_ID: "0",
      NODE_APP_INSTANCE: "0",
    });
    expect(await context.watched.backend.environment(context.app, 0)).toMatchObject({ ...env, ...secretEnv });
  });

  test("nothing of velosd's own environment leaks in", async () => {
    process.env["VELOS_CONTRACT_LEAK"] = "1";
    try {
      const { env, cwd } = await report({ cwd: "/tmp" });
      expect(env).not.toHaveProperty("VELOS_CONTRACT_LEAK");
      expect(cwd).toBe("/tmp");
    } finally {
      delete process.env["VELOS_CONTRACT_LEAK"];
    }
  });

  test("a program that cannot be executed is refused, and its name is free", async () => {
    for (const wrong of [{ program: "/nonexistent/program" }, { program: "/etc/passwd" }, { cwd: "/nonexistent" }]) {
      await expect(context.start({ does: "run" }, { ...wrong, autorestart: false })).rejects.toMatchObject({
        code: "BACKEND_FAILED",
      });
      await context.watched.backend.clear(context.app, 0);
      await context.watched.untilGone(context.app, 0);
    }
    await context.start({ does: "run" });
  });

  test("a pid is told, and it is the program's own", async () => {
    await context.start({ does: "run" });
    const { pid } = context.watched.one(context.app, 0)!;
    expect(await isRunning(pid!)).toBe(true);
    await context.watched.backend.stop(context.app, 0);
    expect(await isRunning(pid!)).toBe(false);
  });

  test("a signal reaches the main process", async () => {
    await context.start({ does: "print-sighup" });
    const { backend } = context.watched;
    await firstMessages(backend, context.app, 1);
    await backend.signal(context.app, 0, "SIGHUP");
    expect(await firstMessages(backend, context.app, 2)).toEqual(["listening", "got SIGHUP"]);
    await expect(backend.signal(context.app, 0, "SIGNOTHING")).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await expect(backend.signal(context.app, 1, "SIGHUP")).rejects.toMatchObject({ code: "BACKEND_FAILED" });
  });

  const childOf = async (nth: number): Promise<number> =>
    Number((await firstMessages(context.watched.backend, context.app, nth))[nth - 1]?.replace("child ", ""));

  test("stop ends the children too, also those that ignore the signal", async () => {
    await context.start({ does: "fork" });
    const child = await childOf(1);
    expect(await isRunning(child)).toBe(true);
    await context.watched.backend.stop(context.app, 0);
    expect(await isRunning(child)).toBe(false);
  });

  test("children of a crashed run are gone before the next run is up", async () => {
    await context.start({ does: "fork" }, { restartDelayMs: 0 });
    const child = await childOf(1);
    context.harness.crash(context.watched.backend, context.app, 0);
    await context.watched.until(
      context.app,
      0,
      "restarted",
      ({ status, restarts }) => status === "online" && restarts === 1,
    );
    expect(await isRunning(child)).toBe(false);
  });

  test("what it uses is measured, its children included", async () => {
    const busy = "while (process.cpuUsage().user < 200_000); console.log('done'); setInterval(() => {}, 1e6);";
    await context.start({ does: "run" }, { program: process.execPath, args: ["-e", busy] });
    await firstMessages(context.watched.backend, context.app, 1);
    const usage = await context.watched.backend.usage(context.app, 0);
    expect(usage.cpuUsec).toBeGreaterThan(100_000);
    expect(usage.memoryBytes).toBeGreaterThan(10 * 2 ** 20);
    expect(usage.tasks).toBeGreaterThan(1);
  });
};
