import { randomBytes } from "node:crypto";
import type { AppSpec } from "../../domain/app.ts";
import { hasReadinessSignal } from "../../domain/app.ts";
import { usesHealthSocket } from "../../domain/health-target.ts";
import type { Exit, ObservedInstance } from "../../domain/instance.ts";
import type { RunVariables } from "../../domain/run-variables.ts";
import { MAX_BACKOFF_MS, restartDelay, shouldRestart } from "../../domain/restart-policy.ts";
import type { AdoptedProcesses } from "./adopted.ts";
import { endGracefully } from "./end-gracefully.ts";
import { failed, isPrevented, prevented } from "./failed.ts";
import { findRun, hasOrphans, ownCommandLine } from "./find-run.ts";
import { makeCredentials, removeCredentials } from "./credentials.ts";
import type { MainProcess, ProcessEnd } from "./execute.ts";
import { healthSocketOf, makeHealthDirectory, removeHealthDirectory } from "./health-directory.ts";
import type { Launcher } from "./launcher.ts";
import { exitOf, exitWhilePrevented, launchFailure, observedOf, whyOf } from "./observed.ts";
import { killGroup, sendSignal } from "./process-group.ts";
import { makeReadyDirectory, readyFileOf, untilReady } from "./readiness.ts";
import { composeOrder } from "./order.ts";
import { loadTableOf, pidVariable, runEnvironment } from "./run-environment.ts";
import type { SharedSockets } from "./shared-sockets.ts";
import type { InstanceState } from "./state-file.ts";
import { writeState } from "./state-file.ts";
import type { Turns } from "./turns.ts";

/** What an instance needs of the backend around it. */
export interface InstanceHost {
  readonly stateDir: string;
  readonly epoch: string;
  readonly turns: Turns;
  readonly adopted: AdoptedProcesses;
  readonly sockets: SharedSockets;
  /** Starts what shares no sockets. */
  readonly launcher: Launcher;
  /** The file that Node apps load first. */
  readonly preload: string;
  /** Aborted when velosd leaves; its reason is what pending operations fail with. */
  readonly leaving: AbortSignal;
  now(): number;
  logPath(app: string, index: number): string;
  /** Something to see in `observe` has changed. */
  changed(app: string): void;
  /** The instance is gone for good. */
  forget(instance: Instance): void;
}

/** The wait before a run that was prevented is tried for the first time again; it doubles from then on. */
const RETRY_MS = 1000;

/** Who deals with the end of a run: an operation that is under way, or else the restart policy. */
type Owner = "start" | "stop" | "restart";

/** One instance: a main process with its group, restarted as its spec says, and the state file that outlives velosd. */
export class Instance {
  readonly #host: InstanceHost;
  readonly #state: InstanceState;
  #main: MainProcess | undefined;
  /** Resolves when the end of `#main` has been dealt with. */
  #ended: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;
  /** Removal of what the last run left of its group; false: it cannot be removed. */
  #leftovers: Promise<boolean> = Promise.resolve(true);
  #group = 0;
  /** Rejects when the current run did not come up. */
  #begun: Promise<void> = Promise.resolve();
  #beginning = new AbortController();
  #owner: Owner | undefined;
  #stopping: Promise<void> | undefined;
  #nextRun: NodeJS.Timeout | undefined;
  /** Why velos itself ends the run, for `Exit.result`. */
  #verdict: string | undefined;
  /** Set while the run cannot begin and the app is not to blame: why not, and how often that was tried. */
  #prevented: { why: string; tries: number } | undefined;

  constructor(host: InstanceHost, state: InstanceState) {
    this.#host = host;
    this.#state = state;
  }

  /** An instance that has never run. */
  static create(
    host: InstanceHost,
    spec: AppSpec,
    index: number,
    count: number,
    variables: RunVariables = { lasting: {}, once: {} },
  ): Instance {
    const { epoch } = host;
    const app = spec.name;
    return new Instance(host, {
      version: 1,
      epoch,
      app,
      index,
      count,
      spec,
      variables,
      phase: "spawning",
      run: "",
      restarts: 0,
      shortRuns: 0,
    });
  }

  get app(): string {
    return this.#state.app;
  }

  get index(): number {
    return this.#state.index;
  }

  get spec(): AppSpec {
    return this.#state.spec;
  }

  /** Pid of the main process, which is also the number of its group. */
  get pid(): number | undefined {
    return this.#main?.isAlive() ? this.#main.pid : undefined;
  }

  get isEnded(): boolean {
    return this.#state.phase === "ended";
  }

  observe(): ObservedInstance {
    const observed = observedOf(this.#state, this.#host.launcher.unitOf(this.#state));
    if (this.#prevented === undefined || observed.exit === undefined) return observed;
    return { ...observed, exit: exitWhilePrevented(observed.exit, this.#prevented.why) };
  }

  /** What this run was, or the next will be, started with. */
  environment(): Record<string, string> {
    const { stateDir, preload } = this.#host;
    const { app, index, spec } = this.#state;
    const places = {
      preload,
      healthSocket: healthSocketOf(stateDir, app, index),
      loadTable: loadTableOf(stateDir, app),
    };
    const env = runEnvironment(stateDir, this.#state, places);
    const name = pidVariable(spec);
    return name === undefined || this.pid === undefined ? env : { ...env, [name]: String(this.pid) };
  }

  /** Takes over the settings that need no new run. */
  adjust(spec: AppSpec): void {
    const { minUptimeMs, maxRestarts, logMaxBytes, logKeep } = spec;
    this.#state.spec = { ...this.#state.spec, minUptimeMs, maxRestarts, logMaxBytes, logKeep };
    this.#save();
  }

  /** Moves what was noted of this run along, so that it has not lasted longer or shorter by that. */
  clockJumped(byMs: number): void {
    const { startedAt, onlineAt } = this.#state;
    if (startedAt !== undefined) this.#state.startedAt = startedAt + byMs;
    if (onlineAt !== undefined) this.#state.onlineAt = onlineAt + byMs;
    this.#save();
  }

  /** The first run. When it does not come up nothing is left. */
  async start(): Promise<void> {
    this.#owner = "start";
    try {
      await this.#begin();
    } catch (error) {
      if (this.#host.leaving.aborted) throw error;
      if (this.#stopping === undefined) {
        await this.#end("timeout");
        await this.#leftovers;
        this.#host.forget(this);
      } else await this.#stopping;
      throw error;
    }
    if (this.#owner === "start") this.#owner = undefined;
  }

  /** Ends it for good. Overtakes a start or a restart, which then fails; a second call joins the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop().catch((error: unknown) => {
      this.#stopping = undefined;
      throw error;
    });
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#owner = "stop";
    await this.#windDown("stopping", failed("it was stopped before it was up"));
    await this.#host.launcher.drop?.(this.app, this.index);
    this.#host.forget(this);
  }

  /** A new run on the same spec; the count of restarts begins again. */
  async restart(variables?: RunVariables): Promise<void> {
    if (this.#owner !== undefined) throw failed(`${this.app}:${this.index} is busy: another command is under way`);
    this.#owner = "restart";
    this.#prevented = undefined;
    if (variables) this.#state.variables = variables;
    else this.#forgetOnce();
    try {
      await this.#windDown("restarting", failed("it was restarted before it was up"));
      this.#throwIfOvertaken();
      Object.assign(this.#state, { restarts: 0, shortRuns: 0 });
      await this.#begin();
    } catch (error) {
      if (!this.#host.leaving.aborted && this.#stopping === undefined) {
        await this.#end("timeout");
        if (this.#state.phase === "spawning") this.#state.exit = launchFailure(error, this.#host.now());
        this.#enter("ended");
        this.#owner = undefined;
      }
      throw error;
    }
    if (this.#owner === "restart") this.#owner = undefined;
  }

  /** Ends the run, if there is one, and what would begin the next. */
  async #windDown(phase: "stopping" | "restarting", reason: Error): Promise<void> {
    clearTimeout(this.#nextRun);
    this.#beginning.abort(reason);
    this.#enter(phase);
    await this.#begun.catch(() => undefined);
    await this.#end();
    if (await this.#leftovers) return;
    this.#leftovers = killGroup(this.#group);
    if (await this.#leftovers) return;
    throw failed(
      `processes of ${this.app}:${this.index} cannot be ended`,
      "they run as another user, or are in uninterruptible sleep; see `ps -eo pid,pgid,user,stat,wchan`",
    );
  }

  /** Drops the variables that were for one run only. */
  #forgetOnce(): void {
    const { variables } = this.#state;
    if (variables) this.#state.variables = { ...variables, once: {} };
  }

  #throwIfOvertaken(): void {
    if (this.#stopping !== undefined) throw failed("it was stopped before it was up");
  }

  /** Sends a signal to the main process. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this;
    if (pid === undefined || !sendSignal(pid, signal)) throw failed(`${this.app}:${this.index} is not running`);
  }

  /** Leaves the process alone; another velosd will find it. */
  detach(): void {
    clearTimeout(this.#nextRun);
    this.#beginning.abort(this.#host.leaving.reason);
    this.#main?.detach();
  }

  /**
   * Goes on where an earlier velosd was. What runs is adopted; what died meanwhile is run again at once, if it should
   * be, which counts as one restart; what was being ended is ended.
   * @returns resolves when it is known what there is; at once but for runs that were just beginning
   */
  async recover(): Promise<void> {
    const found = this.#recover();
    await found.catch(() => undefined);
  }

  #recover(): Promise<unknown> {
    const state = this.#state;
    const { pid, startTime = "" } = state;
    const main =
      this.#host.sockets.recall(state.run) ??
      this.#host.launcher.recall(state) ??
      (pid === undefined ? undefined : this.#host.adopted.adopt(pid, startTime));
    if (main !== undefined) this.#attach(main);
    else if (pid !== undefined && hasOrphans(pid, state.run)) this.#leftovers = killGroup((this.#group = pid));
    const isLost = main === undefined && pid === undefined && state.spawner !== undefined;
    const found = isLost ? this.#findLost() : Promise.resolve(main);
    this.#begun = found.then(() => undefined);
    this.#ignore(this.#begun);
    this.#goOn(found, main);
    return found;
  }

  #goOn(found: Promise<MainProcess | undefined>, main: MainProcess | undefined): void {
    const { phase } = this.#state;
    switch (phase) {
      case "stopping":
        return this.#ignore(this.stop());
      case "restarting":
        return this.#ignore(this.restart(this.#state.variables));
      case "waiting":
        return this.#armNextRun();
      case "ended":
        return;
      case "spawning":
        return this.#supervise((this.#begun = found.then((it) => (it ? this.#comeUp(it) : this.#beginRun()))));
      case "running":
        if (main !== undefined) return this.#supervise((this.#begun = this.#comeUp(main)));
        return this.#afterEnd({ at: this.#host.now() }, true);
    }
  }

  /** The process of an announced run, of which nobody wrote down whether it got one. */
  async #findLost(): Promise<MainProcess | undefined> {
    const { signal } = this.#beginning;
    const { leaving, adopted } = this.#host;
    const found = await findRun(this.#state.run, this.#state.spawner ?? "", leaving);
    leaving.throwIfAborted();
    const main = found && adopted.adopt(found.pid, found.startTime);
    if (main !== undefined) this.#attach(main);
    // Only now: whoever has it stopped meanwhile must find the process.
    signal.throwIfAborted();
    return main;
  }

  /** One run: resolves when it is online, rejects when it does not come up (its process may then still be there). */
  #begin(): Promise<void> {
    return (this.#begun = this.#beginRun());
  }

  async #beginRun(): Promise<void> {
    const state = this.#state;
    const { signal } = (this.#beginning = new AbortController());
    // The intent comes first: whenever velosd dies, there is no process that no state file speaks of.
    // One that was prevented is the same run still: another would count as a restart.
    if (this.#prevented === undefined) state.run = randomBytes(16).toString("hex");
    state.spawner = ownCommandLine();
    this.#enter("spawning");
    await this.#host.turns.next();
    await this.#leftovers;
    signal.throwIfAborted();
    const main = await this.#launch();
    this.#attach(main);
    state.startedAt = this.#host.now();
    await this.#comeUp(main);
  }

  /** The process of the announced run: a child of the keeper's where sockets are shared, else the launcher's. */
  async #launch(): Promise<MainProcess> {
    const { stateDir, sockets, launcher } = this.#host;
    const { spec, app, index, run } = this.#state;
    if (hasReadinessSignal(spec)) makeReadyDirectory(stateDir, readyFileOf(stateDir, app, run), spec);
    if (usesHealthSocket(spec)) makeHealthDirectory(stateDir, spec, healthSocketOf(stateDir, app, index));
    makeCredentials(stateDir, spec, index);
    const [env, logPath, variable] = [this.environment(), this.#host.logPath(app, index), pidVariable(spec)];
    if (spec.listen.length > 0) return sockets.launch(spec, run, composeOrder(spec, env, logPath, variable));
    return launcher.launch({ spec, index, run, env, logPath, pidVariable: variable });
  }

  /** Removes what was made for its runs, once it is gone. */
  tidy(): void {
    const { app, index, spec } = this.#state;
    if (usesHealthSocket(spec)) removeHealthDirectory(healthSocketOf(this.#host.stateDir, app, index));
    removeCredentials(this.#host.stateDir, app, index);
    void this.#host.launcher.drop?.(app, index);
  }

  /** Waits until the process counts as online, and says so. */
  async #comeUp(main: MainProcess): Promise<void> {
    const state = this.#state;
    if (state.phase === "spawning") state.phase = "running";
    if (hasReadinessSignal(state.spec) && state.onlineAt === undefined) {
      this.#save();
      this.#host.changed(state.app);
      const beganAt = state.startedAt ?? this.#host.now();
      await untilReady(readyFileOf(this.#host.stateDir, state.app, state.run), main, {
        timeoutMs: state.spec.listenTimeoutMs,
        spentMs: this.#host.now() - beganAt,
        signal: this.#beginning.signal,
      });
    }
    state.startedAt ??= this.#host.now();
    state.onlineAt ??= this.#host.now();
    this.#save();
    this.#host.changed(state.app);
  }

  /** Applies the restart policy to a run that does not come up. */
  #supervise(begun: Promise<void>): void {
    this.#ignore(
      begun.catch(async (error: unknown) => {
        if (this.#owner !== undefined || this.#host.leaving.aborted) return;
        if (this.#main !== undefined) await this.#end("timeout");
        else if (this.#state.phase !== "spawning") return;
        else if (isPrevented(error)) this.#tryAgainLater(error);
        else this.#afterEnd(launchFailure(error, this.#host.now()));
      }),
    );
  }

  #attach(main: MainProcess): void {
    this.#main = main;
    this.#group = main.pid;
    this.#ending = undefined;
    this.#verdict = undefined;
    this.#prevented = undefined;
    const isKnown = this.#state.pid === main.pid;
    Object.assign(this.#state, { pid: main.pid, startTime: main.startTime });
    delete this.#state.spawner;
    this.#ended = main.ended.then((end) => this.#onEnd(main, end));
    // Before anything else: from here on the process is found by its pid.
    if (!isKnown) this.#save();
  }

  #onEnd(main: MainProcess, end: ProcessEnd): void {
    if (this.#main !== main || this.#host.leaving.aborted) return;
    this.#main = undefined;
    this.#leftovers = killGroup(main.pid);
    const exit = exitOf(end, end.at ?? this.#host.now(), this.#state.startedAt, this.#verdict);
    if (this.#owner === undefined) this.#afterEnd(exit);
    else this.#state.exit = exit;
  }

  /** The restart policy. @param atOnce the delay has passed already, nobody knows how long ago */
  #afterEnd(exit: Exit, atOnce = false): void {
    const state = this.#state;
    this.#prevented = undefined;
    state.exit = exit;
    state.shortRuns = exit.ranMs !== undefined && exit.ranMs >= state.spec.minUptimeMs ? 0 : state.shortRuns + 1;
    if (!shouldRestart(state.spec, exit)) return this.#enter("ended");
    this.#waitForNextRun(atOnce ? 0 : this.#delay());
  }

  /**
   * Announces the same run once more. Nothing of the app has failed, so that nothing is counted, and there is no number
   * of tries after which it would be given up: a disk may be full for a moment or for a day.
   */
  #tryAgainLater(error: unknown): void {
    this.#prevented = { why: whyOf(error), tries: (this.#prevented?.tries ?? 0) + 1 };
    this.#waitForNextRun(this.#delay());
  }

  /** The wait before the next run. */
  #delay(): number {
    const { spec, shortRuns } = this.#state;
    if (this.#prevented === undefined) return restartDelay(spec, shortRuns);
    return Math.min(MAX_BACKOFF_MS, RETRY_MS * 2 ** Math.min(30, this.#prevented.tries - 1));
  }

  #waitForNextRun(waitMs: number): void {
    this.#state.nextRunAt = this.#host.now() + waitMs;
    this.#enter("waiting");
    this.#armNextRun();
  }

  #armNextRun(): void {
    const remainingMs = (this.#state.nextRunAt ?? 0) - this.#host.now();
    // The time may have been noted by an earlier velosd, and the clock been set back since: it never waits longer.
    const waitMs = Math.max(0, Math.min(remainingMs, this.#delay()));
    this.#nextRun = setTimeout(() => {
      if (this.#prevented === undefined) {
        this.#state.restarts++;
        this.#forgetOnce();
      }
      this.#supervise(this.#begin());
    }, waitMs);
  }

  /** Ends the main process, if there is one. @param verdict why velos does, for `Exit.result` */
  #end(verdict?: string): Promise<void> {
    const main = this.#main;
    if (main === undefined) return Promise.resolve();
    this.#verdict ??= verdict;
    return (this.#ending ??= endGracefully(main, this.#state.spec, this.#ended, this.#host.leaving));
  }

  /** Enters a phase without a run: what belongs to the last one is dropped. */
  #enter(phase: InstanceState["phase"]): void {
    const state = this.#state;
    state.phase = phase;
    if (phase !== "waiting") delete state.nextRunAt;
    if (phase === "waiting" || phase === "ended") delete state.spawner;
    if (this.#main === undefined) {
      delete state.pid;
      delete state.startTime;
      delete state.startedAt;
      delete state.onlineAt;
    }
    this.#save();
    this.#host.changed(state.app);
  }

  /**
   * Writes the state down. On a full disk an announced run must not begin, or the next velosd would not know of it and
   * begin another; anything else goes on, since what is on the disk still leads the next velosd to the same process.
   */
  #save(): void {
    try {
      writeState(this.#host.stateDir, this.#state);
    } catch (error) {
      if (this.#state.phase === "spawning" && this.#main === undefined)
        throw prevented(`cannot write its state: ${(error as Error).message}`, "", error);
    }
  }

  /** For operations that nobody waits for: their outcome is seen in `observe`. */
  #ignore(promise: Promise<void>): void {
    promise.catch(() => undefined);
  }
}
