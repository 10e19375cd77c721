import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpawnHome } from "./spawn-home.ts";
import { velosdProgram } from "./systemd/velos.ts";

const isRoot = process.getuid?.() === 0;
const REFUSAL = /^velosd: velosd is already running.*\n {2}\S.*\n$/;

let home: SpawnHome;
const children = new Set<ChildProcess>();

beforeEach(() => {
  home = new SpawnHome();
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
  await home.close();
});

const started = (child: ChildProcess): ChildProcess => {
  children.add(child);
  return child;
};

interface Velosd {
  child: ChildProcess;
  said: () => string;
  /** Resolves when it serves or has ended. */
  settled: Promise<"serves" | number | null>;
}

/** velosd's program itself, by way of other programs that end with it or none. */
const velosd = (env: Record<string, string> = {}, ...before: string[]): Velosd => {
  const words = [...before, process.execPath, velosdProgram, "--user", "--backend=spawn", "--foreground"];
  const child = started(
    spawn(words[0]!, words.slice(1), { env: { ...home.env, ...env }, stdio: ["ignore", "ignore", "pipe"] }),
  );
  let text = "";
  const settled = new Promise<"serves" | number | null>((resolve) => {
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("serves the user scope")) resolve("serves");
    });
    child.once("close", resolve);
  });
  return { child, said: () => text, settled };
};

/** As velosd of builds before this one named its lock. */
const earlierName = (): string => `velosd:${process.getuid?.()}:${home.path}`;

/** A process that holds the name, as one of a user whose words end with those given. */
const holder = async (uid: number, ...words: string[]): Promise<ChildProcess> => {
  const script = `require("net").createServer().listen("\\0${earlierName()}", () => console.log("held"))`;
  const options = {
    uid,
    gid: uid,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"] as ("ignore" | "pipe" | "inherit")[],
  };
  const child = started(spawn(process.execPath, ["-e", script, ...words], options));
  expect(String((await once(child.stdout!, "data"))[0])).toBe("held\n");
  return child;
};

const canListen = async (name: string): Promise<boolean> => {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(`\0${name}`, () => resolve(true));
  });
  server.close();
  return listens;
};

describe("one velosd for a scope", () => {
  it("of twenty that start at the same moment exactly one serves, and another after it was killed, five times", async () => {
    for (let round = 0; round < 5; round++) {
      const all = Array.from({ length: 20 }, () => velosd());
      const outcomes = await Promise.all(all.map(async ({ settled }) => settled));
      expect(outcomes.filter((outcome) => outcome === "serves")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 1)).toHaveLength(19);
      const refused = all.filter((_, index) => outcomes[index] === 1);
      for (const { said } of refused) expect(said()).toMatch(REFUSAL);
      const serving = all.find((_, index) => outcomes[index] === "serves")!.child;
      expect(await home.daemonPid()).toBe(serving.pid);
      serving.kill("SIGKILL");
      await once(serving, "exit");
    }
  }, 120_000);

  it("its lock is for its user alone, and is of nobody when it has left", async () => {
    const first = await home.daemonPid();
    expect(statSync(join(home.path, "velosd.lock"))).toMatchObject({ size: 0, uid: process.getuid?.() });
    expect(statSync(join(home.path, "velosd.lock")).mode & 0o777).toBe(0o600);
    const second = velosd();
    expect(await second.settled).toBe(1);
    expect(second.said()).toMatch(REFUSAL);
    await home.must("kill");
    expect(await home.daemonPid()).not.toBe(first);
  });

  it("is kept out of nothing by what it starts: an app that outlives it has no part in the lock", async () => {
    await home.must("start", "sleep", "--name", "steady", "--", "1000");
    const pids = await home.pids("steady");
    process.kill(await home.daemonPid(), "SIGKILL");
    const next = velosd();
    expect(await next.settled).toBe("serves");
    expect(await home.pids("steady")).toEqual(pids);
  });

  it.runIf(isRoot)("also for one in another network namespace", async () => {
    await home.must("ping");
    const other = velosd({}, "unshare", "--net");
    expect(await other.settled).toBe(1);
    expect(other.said()).toMatch(REFUSAL);
  });

  it("also where there is no flock(1)", async () => {
    const first = velosd({ PATH: "/nonexistent" });
    expect(await first.settled).toBe("serves");
    const second = velosd({ PATH: "/nonexistent" });
    expect(await second.settled).toBe(1);
    expect(second.said()).toMatch(REFUSAL);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    expect(await velosd({ PATH: "/nonexistent" }).settled).toBe("serves");
  });

  it.runIf(isRoot)("a lock file of another user's is not trusted", async () => {
    const path = join(home.path, "velosd.lock");
    writeFileSync(path, "");
    chownSync(path, 65534, 65534);
    const { code, stderr } = await home.velos("ping");
    expect(code).not.toBe(0);
    expect(stderr).toContain("velosd.lock belongs to user 65534");
    chownSync(path, 0, 0);
    await home.must("ping");
  });
});

describe("the name that velosd of earlier builds takes", () => {
  it.runIf(isRoot)("another user who holds it keeps velosd from nothing", async () => {
    await holder(65534, "/usr/lib/velos/velosd.cjs");
    await home.must("ping");
    // Nor where the name is all there is.
    await home.must("kill");
    const poor = velosd({ PATH: "/nonexistent" });
    expect(await poor.settled).toBe("serves");
  });

  it.runIf(isRoot)("nor when a program that runs as root has it of them", async () => {
    // su is root's, and waits for a password; who runs it hands it the name, and chooses its name.
    const script = `const server = require("net").createServer().listen("\\0${earlierName()}", () => {
      const child = require("child_process").spawn("su", [], { argv0: "velosd", stdio: ["pipe", "pipe", "pipe", server._handle.fd] });
      child.stderr.once("data", () => console.log(child.pid));
      child.stdout.once("data", () => console.log(child.pid));
    })`;
    const child = started(
      spawn(process.execPath, ["-e", script], { uid: 65534, gid: 65534, stdio: ["ignore", "pipe", "inherit"] }),
    );
    const pid = Number(String((await once(child.stdout!, "data"))[0]));
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^Uid:\s+65534\s+0\s/m);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await canListen(earlierName())).toBe(false);
    try {
      await home.must("ping");
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });

  it("a velosd of the same user that holds it is one that runs", async () => {
    const earlier = await holder(process.getuid!(), "/usr/lib/velos/velosd.cjs");
    const second = velosd();
    expect(await second.settled).toBe(1);
    expect(second.said()).toMatch(REFUSAL);
    earlier.kill("SIGKILL");
    await once(earlier, "exit");
    expect(await velosd().settled).toBe("serves");
  });

  it("this velosd takes it too, and one of an earlier build is kept away", async () => {
    await home.must("ping");
    expect(await canListen(earlierName())).toBe(false);
    await home.must("kill");
    expect(await canListen(earlierName())).toBe(true);
  });
});
