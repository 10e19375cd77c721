import { spawn } from "node:child_process";
import { get } from "node:http";
import { get as getTls } from "node:https";
import { connect } from "node:net";
import { findAccount } from "../backend/spawn/account.ts";
import { familyOf, readAllProcesses } from "../backend/spawn/process-table.ts";
import type { HealthTarget } from "../domain/health-target.ts";

/** In what surroundings a command runs. */
export interface ProbeContext {
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** User to run it as, when that is not velosd's own. */
  user?: string;
}

/** Asks once. Undefined: it is well; else what is wrong, in a few words. Never rejects. */
export const probe = async (
  target: HealthTarget,
  timeoutMs: number,
  context: ProbeContext,
): Promise<string | undefined> => {
  switch (target.kind) {
    case "socket":
      return probeHttp({ socketPath: target.socket, path: target.path, headers: { host: "localhost" } }, timeoutMs);
    case "http":
      return probeHttp(new URL(target.url), timeoutMs);
    case "tcp":
      return probeTcp(target.host, target.port, timeoutMs);
    case "command":
      return probeCommand(target.words, timeoutMs, context).catch((error: Error) => error.message);
  }
};

const slow = (timeoutMs: number): string => `no answer within ${timeoutMs / 1000} s`;

const probeHttp = async (
  where: URL | { socketPath: string; path: string; headers: Record<string, string> },
  timeoutMs: number,
): Promise<string | undefined> =>
  new Promise((resolve) => {
    const options = { agent: false, timeout: timeoutMs, rejectUnauthorized: false };
    const done = (problem: string | undefined): void => {
      clearTimeout(timer);
      resolve(problem);
      request.destroy();
    };
    const request =
      where instanceof URL
        ? (where.protocol === "https:" ? getTls : get)(where, options)
        : get({ ...where, ...options });
    const timer = setTimeout(() => done(slow(timeoutMs)), timeoutMs);
    request.on("response", (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      done(status >= 200 && status < 400 ? undefined : `answered ${status}`);
    });
    request.on("error", (error) => done(error.message));
  });

const probeTcp = async (host: string, port: number, timeoutMs: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (problem: string | undefined): void => {
      clearTimeout(timer);
      resolve(problem);
      socket.destroy();
    };
    const timer = setTimeout(() => done(slow(timeoutMs)), timeoutMs);
    socket.once("connect", () => done(undefined));
    socket.once("error", (error) => done(error.message));
  });

/** How much of what a command says on stderr is looked at: its first line is shown. */
const STDERR_LIMIT = 4096;

/** How long what a command has written may take to come after its end, where something that left its group holds the pipe. */
const LAST_WORDS_MS = 100;

const probeCommand = async (
  words: readonly string[],
  timeoutMs: number,
  { cwd, env, user }: ProbeContext,
): Promise<string | undefined> =>
  new Promise((resolve) => {
    let said = "";
    const order = asUser(words, user);
    const child = spawn(order.program, order.args, {
      cwd,
      env,
      ...order.account,
      // A session of its own, with all that it starts in it.
      detached: true,
      // What it tells on stdout, however much, is nobody's business.
      stdio: ["ignore", "ignore", "pipe"],
    });
    const { pid } = child;
    if (pid !== undefined) running.add(pid);
    const done = (problem: string | undefined): void => {
      clearTimeout(timer);
      child.stderr.destroy();
      resolve(problem);
    };
    const timer = setTimeout(() => {
      if (pid !== undefined) endSession(pid);
      done(slow(timeoutMs));
    }, timeoutMs);
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text.slice(0, STDERR_LIMIT - said.length)));
    child.once("error", (error) => done(error.message));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      if (pid !== undefined) {
        running.delete(pid);
        // What it has left in the background was part of this check, and the next one would add its own. The number of
        // a group is nobody else's for as long as it has a process, and without one there is nothing to end.
        endGroup(pid);
      }
      if (code === 0) return done(undefined);
      const problem = (): string =>
        said.trim().split("\n")[0] || (code === null ? `ended by ${signal}` : `exit code ${code}`);
      const patience = setTimeout(() => done(problem()), LAST_WORDS_MS);
      child.once("close", () => {
        clearTimeout(patience);
        done(problem());
      });
    });
  });

interface CommandOrder {
  program: string;
  args: readonly string[];
  account?: { uid: number; gid: number };
}

/** A user by number may be nobody's account, which runuser refuses; the kernel takes any number. */
const asUser = (words: readonly string[], user: string | undefined): CommandOrder => {
  const [program = "", ...args] = words;
  if (user === undefined) return { program, args };
  if (!/^\d+$/.test(user)) return { program: "runuser", args: ["-u", user, "--", ...words] };
  const account = findAccount(user, undefined);
  return { program, args, ...(account && { account: { uid: account.uid, gid: account.gid } }) };
};

/** Commands that run, by the pid of their first process: none outlives velosd, which would not be there to end it. */
const running = new Set<number>();
process.on("exit", () => running.forEach(endGroup));

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
};

const endGroup = (leader: number): void => kill(-leader);

/**
 * Ends a session with all process groups in it (timeout(1) makes one, and shells with job control), and what descends
 * from its first process. Looks again until nothing new is found: one that had not ended yet may have started another.
 */
const endSession = (leader: number): void => {
  const ended = new Set<number>();
  for (let before = -1; before < ended.size;) {
    before = ended.size;
    // Before the first is ended, since their children are then somebody else's.
    for (const { pid } of familyOf(leader, readAllProcesses())) {
      if (!ended.has(pid)) kill(pid);
      ended.add(pid);
    }
    endGroup(leader);
  }
};
