import { execFile, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { selectBackend } from "../backend/select.ts";
import { isSecretVariable, isTelemetryVariable } from "../config/telemetry-variables.ts";
import { VelosError } from "../domain/errors.ts";
import type { ConnectOptions } from "./connect.ts";
import { makeDirectories } from "../backend/make-directories.ts";

/** A velosd on its way. */
export interface StartedDaemon {
  /** Why it will not come, once that is known. */
  failure: () => string | undefined;
  /** Where to look when it does not come. */
  hint: string;
}

/** velosd's program: beside the CLI's, in the same build. */
const program = (): string => join(__dirname, "velosd.cjs");

/**
 * Starts velosd where it is not installed: as transient units of the scope's service manager, or detached. Many may do
 * this at the same moment: the unit's name, and velosd's lock, let exactly one come up.
 */
export const startDaemon = async (options: ConnectOptions): Promise<StartedDaemon> => {
  const chosen = selectBackend(options.backend, options.paths, options.env);
  if (chosen.reason !== undefined) options.note?.(chosen.reason);
  if (chosen.name === "systemd") return startUnits(options);
  if (chosen.name !== "launchd") return startDetached(options, chosen.name);
  const { startJob } = await import("./start-job.ts");
  return startJob(options, [process.execPath, ...nodeFlags, program()], mallocSettings);
};

/**
 * `velosd.socket` and `velosd.service`, transient: the socket is there at once, so nobody has to wait to connect, and
 * whoever connects after velosd has gone starts it again.
 */
const startUnits = async ({ paths, env, note }: ConnectOptions): Promise<StartedDaemon> => {
  const scope = paths.scope === "user" ? ["--user"] : [];
  const hint = `see \`systemctl ${[...scope, "status velosd.socket velosd.service"].join(" ")}\``;
  const passed = Object.entries(env).filter(
    ([name]) =>
      name === "VELOS_HOME" ||
      (paths.scope === "user" && /^(HOME|XDG_.*)$/.test(name)) ||
      (isTelemetryVariable(name) && !isSecretVariable(name)),
  );
  // A unit's environment is for everybody to read.
  const secret = Object.keys(env).find((name) => isTelemetryVariable(name) && isSecretVariable(name));
  if (secret !== undefined) note?.(`${secret} is not handed on to velosd; write otel_headers in ${paths.config}`);
  const make = async (): Promise<string | undefined> =>
    run("systemd-run", [
      ...scope,
      "--quiet",
      "--unit=velosd",
      "--description=velos controller",
      "--property=SyslogIdentifier=velosd",
      "--service-type=notify",
      `--socket-property=ListenStream=${paths.socket}`,
      `--socket-property=SocketMode=${paths.scope === "system" ? "0660" : "0600"}`,
      `--socket-property=DirectoryMode=${paths.scope === "system" ? "0750" : "0700"}`,
      "--socket-property=RemoveOnStop=yes",
      "--property=NotifyAccess=all",
      "--property=Restart=on-failure",
      "--property=RestartSec=100ms",
      // With the default of five starts in 10 s a velosd that was killed a few times would be away for the rest of them.
      "--property=StartLimitIntervalSec=10s",
      "--property=StartLimitBurst=50",
      // It said why it cannot serve; whoever connects next starts it again.
      "--property=RestartPreventExitStatus=78",
      "--property=KillMode=process",
      "--property=OOMScoreAdjust=-500",
      ...Object.entries(mallocSettings).map(([name, value]) => `--setenv=${name}=${value}`),
      ...passed.map(([name, value]) => `--setenv=${name}=${value}`),
      process.execPath,
      ...nodeFlags,
      program(),
      `--${paths.scope}`,
      "--backend=systemd",
    ]);
  let failure = await make();
  if (failure === undefined) return { failure: () => undefined, hint };
  // Somebody else was faster, or velosd is installed and its socket is not up.
  if ((await run("systemctl", [...scope, "start", "velosd.socket"])) === undefined) failure = undefined;
  else {
    // One that failed before keeps its name until it is reset.
    await run("systemctl", [...scope, "reset-failed", "velosd.socket", "velosd.service"]);
    failure = await make();
  }
  return { failure: () => failure, hint };
};

/** One compiler thread instead of four, and one malloc arena: see src/daemon/lean.ts. */
const nodeFlags = ["--v8-pool-size=1"];
const mallocSettings = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "65536" };

const startDetached = async ({ paths, env }: ConnectOptions, backend: string): Promise<StartedDaemon> => {
  const logPath = join(paths.runtime, "velosd.log");
  let log: number;
  try {
    makeDirectories(paths.runtime, 0o700);
    log = openSync(logPath, "a", 0o600);
  } catch (error) {
    throw new VelosError("DAEMON_UNREACHABLE", {
      why: (error as Error).message,
      hint: `velosd needs ${paths.runtime} for its socket and its log`,
    });
  }
  const state: { failure?: string } = {};
  const child = spawn(process.execPath, [...nodeFlags, program(), `--${paths.scope}`, `--backend=${backend}`], {
    detached: true,
    stdio: ["ignore", log, log],
    cwd: "/",
    env: { ...env, ...mallocSettings },
  });
  closeSync(log);
  child.once("error", (error) => (state.failure = error.message));
  // Another one that was faster holds the lock; this one leaves, and the client connects to that.
  child.once("exit", (code) => {
    const last = readFileSync(logPath, "utf8")
      .trim()
      .split("\n")
      .filter((line) => line.startsWith("velosd: "))
      .at(-1);
    if (!last?.includes("already running"))
      state.failure = last?.replace(/^velosd: /, "") ?? `it ended with code ${code}`;
  });
  child.unref();
  return { failure: () => state.failure, hint: `see ${logPath}` };
};

/** Runs a program; undefined when it succeeded, else what it said. */
const run = async (file: string, args: string[]): Promise<string | undefined> =>
  new Promise((resolve) => {
    execFile(file, args, (error, _, stderr) =>
      resolve(error ? stderr.trim().split("\n")[0] || error.message : undefined),
    );
  });
