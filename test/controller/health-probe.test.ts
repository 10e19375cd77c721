import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasEnvironment, isDead, readAllProcesses } from "../../src/backend/spawn/process-table.ts";
import { probe } from "../../src/controller/health-probe.ts";

const isRoot = process.getuid?.() === 0;
const has = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-probe-"));
  chmodSync(directory, 0o777);
});
afterEach(() => {
  for (const pid of left()) process.kill(pid, "SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** What is there of the checks of this test: the directory is in their environment, whatever has become of them. */
const left = (): number[] =>
  readAllProcesses()
    .filter((entry) => !isDead(entry) && hasEnvironment(entry.pid, "VELOS_PROBE", directory))
    .map(({ pid }) => pid);

const nothingLeft = async (): Promise<void> => {
  for (const deadline = Date.now() + 5000; left().length > 0 && Date.now() < deadline;)
    await new Promise((go) => setTimeout(go, 10));
  expect(left()).toEqual([]);
};

const check = async (script: string, timeoutMs = 300, user?: string): Promise<string | undefined> =>
  probe({ kind: "command", words: ["/bin/sh", "-c", script] }, timeoutMs, {
    cwd: directory,
    env: { PATH: process.env["PATH"] ?? "", VELOS_PROBE: directory },
    ...(user !== undefined && { user }),
  });

/** Each begins as many processes as it says, and notes that in a file before it hangs. */
const hanging: [what: string, script: string][] = [
  ["a child of a shell", "echo > began; sleep 1000; true"],
  ["a pipeline", "echo > began; sleep 1000 | sleep 1000"],
  ["one in the background", "sleep 1000 & echo > began; wait"],
  ["a group of its own, as timeout(1) makes it", "echo > began; timeout 1000 sleep 1000; true"],
  ["a session of its own", "echo > began; setsid --wait sleep 1000; true"],
  ["one that does not mind being asked to end", 'trap "" TERM INT HUP; echo > began; sleep 1000; sleep 1000'],
];

describe("a command that does not answer in time", () => {
  it.each(hanging)("is ended with all it has started: %s", async (_, script) => {
    expect(await check(script)).toBe("no answer within 0.3 s");
    expect(existsSync(join(directory, "began"))).toBe(true);
    await nothingLeft();
  });

  it.runIf(isRoot && has("runuser")).each(hanging)("also as another user: %s", async (_, script) => {
    expect(await check(script, 1000, "nobody")).toBe("no answer within 1 s");
    expect(existsSync(join(directory, "began"))).toBe(true);
    await nothingLeft();
  });

  it.runIf(isRoot).each(hanging)("also as a user by number: %s", async (_, script) => {
    expect(await check(script, 1000, "54321")).toBe("no answer within 1 s");
    expect(existsSync(join(directory, "began"))).toBe(true);
    await nothingLeft();
  });
});

describe("a command that answers", () => {
  it("is well with exit code 0, whatever it writes", async () => {
    expect(await check("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2", 10_000)).toBeUndefined();
  });

  it.each([
    ["echo; echo 'no database' >&2; echo more >&2; exit 3", "no database"],
    ["exit 3", "exit code 3"],
    ["kill -SEGV $$", "ended by SIGSEGV"],
    ["head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1", "x".repeat(4096)],
  ])("%s: says why", async (script, why) => {
    expect(await check(script, 10_000)).toBe(why);
  });

  it("says so when there is no such program", async () => {
    const context = { cwd: directory, env: {} };
    expect(await probe({ kind: "command", words: ["/no/such"] }, 1000, context)).toContain("ENOENT");
  });

  it.each(["sleep 1000 & exit 0", "sleep 1000 >/dev/null 2>&1 & exit 1"])("leaves nothing: %s", async (script) => {
    const began = performance.now();
    await check(script, 20_000);
    expect(performance.now() - began).toBeLessThan(10_000);
    await nothingLeft();
  });

  it("is answered for at its end, also when something that has left it holds its stderr", async () => {
    const began = performance.now();
    expect(await check("setsid sleep 1000 & echo > began; echo bad >&2; sleep 0.2; exit 1", 20_000)).toBe("bad");
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe.runIf(isRoot)("the user of a command", () => {
  const ids = "id -u > ids; id -g >> ids; id -G >> ids";
  const shown = (): string[] => readFileSync(join(directory, "ids"), "utf8").trim().split("\n");

  it.runIf(has("runuser"))("by name", async () => {
    expect(await check(ids, 10_000, "nobody")).toBeUndefined();
    expect(shown()[0]).toBe("65534");
  });

  it.each(["65534", "54321"])("by number, be it an account's or nobody's: %s", async (user) => {
    expect(await check(ids, 10_000, user)).toBeUndefined();
    expect(shown()).toEqual([user, user, user]);
  });

  it("by a number that is velosd's own", async () => {
    expect(await check(ids, 10_000, "0")).toBeUndefined();
    expect(shown()[0]).toBe("0");
  });

  it("is told when there is none of that name", async () => {
    expect(await check("true", 10_000, "no-such-user")).toContain("no-such-user");
  });
});
