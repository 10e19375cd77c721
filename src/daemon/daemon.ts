import { parseArgs } from "node:util";
import { resolvePaths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { version } from "../domain/version.ts";
import { answerRefusal } from "./answer-refusal.ts";
import { isActivated } from "./listen.ts";
import type { RunningDaemon } from "./run.ts";
import { runDaemon } from "./run.ts";

const USAGE = `velosd, the controller of velos ${version}. It is started by velos on first use.

usage: velosd [--foreground] [--system | --user] [--backend systemd|launchd|spawn]

  --foreground   stay in this terminal and log to it
  --system       root's service manager (the default for root)
  --user         the caller's own (the default for everyone else)
  --backend      what runs instances; default: systemd where it runs, launchd on macOS

example: velosd --foreground --user
`;

/** Exit code of a velosd that should not be started again before something has changed (EX_CONFIG of sysexits(3)). */
const CANNOT_SERVE = 78;

const explain = (error: VelosError): void =>
  void process.stderr.write(`velosd: ${error.message}\n${error.hint ? `  ${error.hint}\n` : ""}`);

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      foreground: { type: "boolean" },
      system: { type: "boolean" },
      user: { type: "boolean" },
      backend: { type: "string" },
      version: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  if (values.version) return void process.stdout.write(`${version}\n`);
  const scope = values.system ? "system" : values.user ? "user" : process.getuid?.() === 0 ? "system" : "user";
  const paths = resolvePaths(scope, process.env);
  // Heard before anybody is answered, who might signal at once. One that still starts acts when it has started; to end it
  // without waiting for that is said twice.
  let started = false;
  let asked = 0;
  const inService = (act: (running: RunningDaemon) => Promise<void>): void => void starting.then(act, () => {});
  const stop = (): void => {
    if (asked++ > 0 && !started) process.exit(1);
    inService(async (running) => running.stop());
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // The hangup of a terminal ends what runs in it; from anybody else it asks for the config to be read again.
  const isInTerminal = values.foreground === true && process.stderr.isTTY;
  process.on("SIGHUP", isInTerminal ? stop : () => inService(async (running) => running.reload()));
  const starting = runDaemon({
    paths,
    backend: values.backend,
    version,
    env: process.env,
    log: (line) => process.stderr.write(`${line}\n`),
  }).catch(async (error: unknown) => {
    if (!(error instanceof VelosError) || !isActivated(process.env, process.pid)) throw error;
    explain(error);
    await answerRefusal(error, paths);
    process.exit(CANNOT_SERVE);
  });
  const daemon = await starting;
  started = true;
  if (values.foreground) process.stderr.write(`velosd ${version} serves the ${scope} scope\n`);
  await daemon.stopped;
  process.exit(0);
};

/** Runs velosd until it ends. */
export const run = async (): Promise<void> => main().catch(fail);

const fail = (error: unknown): void => {
  if (error instanceof VelosError) {
    explain(error);
    process.exit(error.exitCode);
  }
  if ((error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS")) {
    process.stderr.write(`velosd: ${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
  process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
  process.exit(1);
};
