import { execFile } from "node:child_process";
import { get } from "node:http";
import { get as getTls } from "node:https";
import { connect } from "node:net";
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
      return probeCommand(target.words, timeoutMs, context);
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

const probeCommand = async (
  words: readonly string[],
  timeoutMs: number,
  { cwd, env, user }: ProbeContext,
): Promise<string | undefined> =>
  new Promise((resolve) => {
    const [program, ...args] = user === undefined ? words : ["runuser", "-u", user, "--", ...words];
    execFile(program!, args, { cwd, env, timeout: timeoutMs, killSignal: "SIGKILL" }, (error, _, stderr) => {
      if (!error) return resolve(undefined);
      if (error.killed) return resolve(slow(timeoutMs));
      const said = stderr.trim().split("\n")[0];
      resolve(said || (typeof error.code === "number" ? `exit code ${error.code}` : error.message));
    });
  });
