import { setTimeout as sleep } from "node:timers/promises";
import type { Scope } from "../backend.ts";
import { findAccount } from "../spawn/account.ts";
import type { AdoptedProcesses } from "../spawn/adopted.ts";
import type { MainProcess, ProcessEnd } from "../spawn/execute.ts";
import { explain } from "../spawn/explain.ts";
import { RUN_VARIABLE } from "../spawn/find-run.ts";
import { groupOf } from "../spawn/launch.ts";
import type { Launcher, LaunchRequest } from "../spawn/launcher.ts";
import { startTimeOf } from "../spawn/process-table.ts";
import type { InstanceState } from "../spawn/state-file.ts";
import { failed } from "./failed.ts";
import { removeJobFiles, writeJob } from "./job-files.ts";
import type { Launchctl } from "./launchctl.ts";
import { codes, LaunchctlRefused } from "./launchctl.ts";
import { domainsOf, labelOf } from "./names.ts";
import { makeLog } from "./make-log.ts";
import type { PrintedJob } from "./printed-job.ts";

/** launchd removes a job in its own time, and knows of an end a moment after the process is gone. */
const SETTLE_MS = 5000;

export interface JobsOptions {
  launchctl: Launchctl;
  scope: Scope;
  uid: number;
  stateDir: string;
  adopted: AdoptedProcesses;
  /** For what an operator should know: one line each. */
  report: (problem: string) => void;
}

/** Runs as jobs of launchd: one job for each run, whose process launchd starts, reaps, and remembers the end of. */
export class Jobs implements Launcher {
  readonly #options: JobsOptions;
  /** Domains of the jobs that are there, by label. */
  readonly #loaded = new Map<string, string>();
  /** What `open` found, by label. */
  readonly #found = new Map<string, PrintedJob>();
  /** The last of what is done about a label: one thing after the other. */
  readonly #last = new Map<string, Promise<unknown>>();
  #domain: Promise<string> | undefined;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  async open(states: readonly InstanceState[]): Promise<void> {
    const jobs = states.filter(({ spec }) => spec.listen.length === 0);
    await Promise.all(jobs.map(async ({ app, index }) => this.#find(labelOf(app, index))));
  }

  async #find(label: string): Promise<void> {
    const { launchctl, scope, uid, report } = this.#options;
    for (const domain of domainsOf(scope, uid)) {
      try {
        const job = await launchctl.print(`${domain}/${label}`);
        if (job === undefined) continue;
        this.#loaded.set(label, domain);
        this.#found.set(label, job);
        return;
      } catch (error) {
        // What is known by its pid is still found by that.
        report(`${domain}/${label} could not be looked at: ${(error as Error).message}`);
      }
    }
  }

  recall(state: InstanceState): MainProcess | undefined {
    const job = this.#found.get(labelOf(state.app, state.index));
    const isOpenRun = state.pid !== undefined || state.spawner !== undefined;
    if (job === undefined || !isOpenRun || job.environment[RUN_VARIABLE] !== state.run) return undefined;
    const label = labelOf(state.app, state.index);
    if (job.pid !== undefined) return this.#watch(label, job.pid, startTimeOf(job.pid) ?? "");
    // It ended while no velosd was there. Without its pid what is left of its group could not be told from others.
    return state.pid === undefined || job.end === undefined ? undefined : over(state.pid, job.end);
  }

  async launch(request: LaunchRequest): Promise<MainProcess> {
    const { spec, index } = request;
    // launchd would start it all the same, and say no more than that it ended with code 78.
    const problem = explain(spec);
    if (problem !== undefined) throw failed(problem, "see that its program and cwd exist and may be used");
    const label = labelOf(spec.name, index);
    return this.#inTurn(label, async () => {
      const { launchctl, stateDir, scope } = this.#options;
      const account = findAccount(spec.user, spec.group);
      // There launchd takes no notice of UserName, and would run it as whose session that is.
      if (scope === "user" && account !== undefined)
        throw failed(
          `only in the system scope can ${spec.name} run as another user`,
          "use --system, or leave user out",
        );
      try {
        await this.#remove(label);
        makeLog(request.logPath, stateDir, account);
        const domain = await this.#bootstrap(label, writeJob(request, { stateDir, scope, account }));
        const pid = await launchctl.kickstart(`${domain}/${label}`);
        return this.#watch(label, pid, startTimeOf(pid) ?? "");
      } catch (error) {
        await this.#remove(label).catch(() => undefined);
        throw error instanceof LaunchctlRefused ? failed(error.message, hintFor(error), error) : error;
      }
    });
  }

  async drop(app: string, index: number): Promise<void> {
    const label = labelOf(app, index);
    await this.#inTurn(label, async () => this.#remove(label)).catch((error: unknown) =>
      this.#options.report(`${label} could not be removed: ${(error as Error).message}`),
    );
  }

  unitOf(state: InstanceState): string {
    return state.spec.listen.length > 0 ? groupOf(state) : labelOf(state.app, state.index);
  }

  /** The process as a main process, whether it is still there or not. */
  #watch(label: string, pid: number, startTime: string): MainProcess {
    const adopted = startTime === "" ? undefined : this.#options.adopted.adopt(pid, startTime);
    const gone = adopted?.ended ?? Promise.resolve();
    return {
      ...(adopted ?? { pid, startTime, isAlive: () => false, detach: () => undefined }),
      ended: gone.then(() => this.#endOf(label, pid)),
    };
  }

  /** How the process of a job ended, as launchd says; nothing where it does not. */
  async #endOf(label: string, pid: number): Promise<ProcessEnd> {
    const domain = this.#loaded.get(label);
    if (domain === undefined) return {};
    for (const deadline = performance.now() + SETTLE_MS; performance.now() < deadline; await sleep(20)) {
      const job = await this.#options.launchctl.print(`${domain}/${label}`).catch(() => undefined);
      // It was removed by somebody else, or launchctl does not answer.
      if (job === undefined) return {};
      if (job.pid !== pid) return job.end ?? {};
    }
    return {};
  }

  /** Makes the job known, in the domain that there is; returns that. */
  async #bootstrap(label: string, plist: string): Promise<string> {
    const { launchctl } = this.#options;
    for (const deadline = performance.now() + SETTLE_MS; ; await sleep(50)) {
      const domain = await this.#chooseDomain();
      try {
        await launchctl.bootstrap(domain, plist);
        this.#loaded.set(label, domain);
        return domain;
      } catch (error) {
        if (!(error instanceof LaunchctlRefused)) throw error;
        if (performance.now() > deadline) throw error;
        // Somebody has logged out meanwhile: there is another one to choose, or none.
        if (error.code === codes.noDomain) {
          this.#domain = undefined;
          if ((await this.#chooseDomain()) === domain) throw error;
        } else if (error.code === codes.disabled) await launchctl.enable(`${domain}/${label}`);
        // One of that name is there: still being removed, or left by a velosd whose state is lost.
        else if (error.code !== codes.io && error.code !== codes.alreadyInProgress) throw error;
        else if (await launchctl.print(`${domain}/${label}`)) await launchctl.bootout(`${domain}/${label}`);
        else if (error.code === codes.io) throw error;
      }
    }
  }

  async #chooseDomain(): Promise<string> {
    const { launchctl, scope, uid } = this.#options;
    this.#domain ??= (async () => {
      const [preferred, other] = domainsOf(scope, uid);
      return other === undefined || (await launchctl.hasDomain(preferred!)) ? preferred! : other;
    })();
    return this.#domain.catch((error: unknown) => {
      this.#domain = undefined;
      throw error;
    });
  }

  /** Removes the job, if there is one, and its files; resolves when launchd has forgotten it. */
  async #remove(label: string): Promise<void> {
    const { launchctl, stateDir } = this.#options;
    const domain = this.#loaded.get(label);
    this.#found.delete(label);
    if (domain === undefined) return removeJobFiles(stateDir, label);
    const target = `${domain}/${label}`;
    for (const deadline = performance.now() + SETTLE_MS; await launchctl.bootout(target); await sleep(10))
      if (performance.now() > deadline) throw failed(`launchd does not remove ${target}`, `launchctl print ${target}`);
    this.#loaded.delete(label);
    removeJobFiles(stateDir, label);
  }

  #inTurn<T>(label: string, act: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(label) ?? Promise.resolve()).then(act);
    const settled = result.catch(() => undefined);
    this.#last.set(label, settled);
    void settled.then(() => this.#last.get(label) === settled && this.#last.delete(label));
    return result;
  }
}

/** A process that has ended. */
const over = (pid: number, end: ProcessEnd): MainProcess => ({
  pid,
  startTime: "",
  ended: Promise.resolve(end),
  isAlive: () => false,
  detach: () => undefined,
});

/** Where to look further. */
const hintFor = ({ code }: LaunchctlRefused): string =>
  code === codes.unsupported || code === codes.noDomain
    ? "log in at the Mac's screen once, or use the system scope (sudo, --system)"
    : "launchd says more: log show --last 5m --predicate 'process == \"launchd\"'";
