import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Launchctl, LaunchctlRefused, codes } from "../backend/launchd/launchctl.ts";
import { domainsOf, jobDirectory, plistPath, VELOSD_LABEL } from "../backend/launchd/names.ts";
import { writePlist } from "../backend/launchd/plist.ts";
import { makeDirectories } from "../backend/make-directories.ts";
import { isSecretVariable, isTelemetryVariable } from "../config/telemetry-variables.ts";
import { VelosError } from "../domain/errors.ts";
import type { ConnectOptions } from "./connect.ts";
import type { StartedDaemon } from "./start-daemon.ts";

/** What velosd is told of the caller's environment: where its things are, and which launchctl there is. */
const isPassed = (name: string): boolean =>
  ["PATH", "HOME", "USER", "LANG", "TMPDIR", "VELOS_HOME"].includes(name) ||
  name.startsWith("XDG_") ||
  (isTelemetryVariable(name) && !isSecretVariable(name));

/**
 * Starts velosd as a job of launchd, which starts it again when it crashes, and not when `velos kill` ends it. Many may do
 * this at the same moment: the label lets exactly one come up.
 * @param program Node with its flags, and velosd
 * @param settings further variables
 */
export const startJob = async (
  { paths, env }: ConnectOptions,
  program: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<StartedDaemon> => {
  const launchctl = new Launchctl();
  const log = join(paths.runtime, "velosd.log");
  const plist = plistPath(paths.state, VELOSD_LABEL);
  const passed = Object.entries(env).flatMap(([name, value]) => (value && isPassed(name) ? [[name, value]] : []));
  const job = writePlist({
    Label: VELOSD_LABEL,
    ProgramArguments: [...program, `--${paths.scope}`, "--backend=launchd"],
    WorkingDirectory: "/",
    EnvironmentVariables: { ...(Object.fromEntries(passed) as Record<string, string>), ...settings },
    StandardOutPath: log,
    StandardErrorPath: log,
    KeepAlive: { SuccessfulExit: false },
    // Seconds between two starts; without it ten.
    ThrottleInterval: 1,
    ProcessType: "Interactive",
    // The keeper of listening sockets and instances lead groups of their own; nothing of velosd's is to be ended with it.
    AbandonProcessGroup: true,
    ...(paths.scope === "user" && { LimitLoadToSessionType: ["Aqua", "Background"] }),
  });
  const hint = `see ${log}`;
  try {
    makeDirectories(paths.runtime, 0o700);
    makeDirectories(paths.state, 0o700);
    makeDirectories(jobDirectory(paths.state), 0o711);
    // In one step: another command may be having it read at this moment.
    writeFileSync(`${plist}.${process.pid}`, job, { mode: 0o600 });
    renameSync(`${plist}.${process.pid}`, plist);
    const domains = domainsOf(paths.scope, process.getuid?.() ?? 0);
    const domain = domains.length > 1 && (await launchctl.hasDomain(domains[0]!)) ? domains[0]! : domains.at(-1)!;
    const logged = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
    await bootstrap(launchctl, domain, plist);
    const state: { failure?: string } = {};
    void watch(launchctl, `${domain}/${VELOSD_LABEL}`).then((hasEnded) => {
      if (hasEnded) state.failure = lastWords(log, logged);
    });
    return { failure: () => state.failure, hint };
  } catch (error) {
    // Said, not thrown: this file is a bundle of its own, whose errors the command would not know.
    const advice = error instanceof VelosError ? error.hint : "";
    return { failure: () => (error as Error).message, hint: advice || hint };
  }
};

/** Replaces the job of a velosd that has ended; one that is there, or on its way, stays. */
const bootstrap = async (launchctl: Launchctl, domain: string, plist: string): Promise<void> => {
  const target = `${domain}/${VELOSD_LABEL}`;
  for (let attempt = 1; ; attempt++) {
    try {
      return await launchctl.bootstrap(domain, plist);
    } catch (error) {
      if (!(error instanceof LaunchctlRefused) || attempt === 20) throw error;
      if (error.code === codes.disabled) await launchctl.enable(target);
      else if (error.code !== codes.io && error.code !== codes.alreadyInProgress) throw error;
      else {
        const known = await launchctl.print(target);
        if (known?.pid !== undefined) return;
        // Neither known nor on its way: the file, or the domain, is what launchd does not like.
        if (known === undefined && error.code === codes.io) throw error;
        await launchctl.bootout(target);
        await delay(20);
      }
    }
  }
};

/** How often, and how long apart, it is looked at whether velosd stays. */
const LOOKS = 50;
const LOOK_EVERY_MS = 200;

/** Resolves to true once velosd has ended at its start: then the job is removed, or launchd would start it for ever. */
const watch = async (launchctl: Launchctl, target: string): Promise<boolean> => {
  for (let look = 0; look < LOOKS; look++) {
    await delay(LOOK_EVERY_MS, undefined, { ref: false });
    const job = await launchctl.print(target).catch(() => undefined);
    if (job?.end === undefined || job.pid !== undefined) continue;
    await launchctl.bootout(target).catch(() => undefined);
    return true;
  }
  return false;
};

/** Why velosd left, as it wrote itself after the first `from` bytes of its log. */
const lastWords = (log: string, from: number): string => {
  const lines = readFileSync(log).subarray(from).toString().split("\n");
  const last = lines.filter((line) => line.startsWith("velosd: ")).at(-1);
  return last?.replace(/^velosd: /, "") ?? "it ended at once";
};
