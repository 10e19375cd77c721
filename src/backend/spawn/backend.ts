import { setMaxListeners } from "node:events";
import { mkdirSync } from "node:fs";
import { constants } from "node:os";
import type { AppSpec } from "../../domain/app.ts";
import type { ObservedInstance } from "../../domain/instance.ts";
import type { RunVariables } from "../../domain/run-variables.ts";
import type { Backend, BackendName, Facility, Figures, LogLine, LogQuery, Usage } from "../backend.ts";
import { ClockJumps } from "../clock-jumps.ts";
import { makeLoadTable, removeLoadTable } from "../load-table.ts";
import { AdoptedProcesses } from "./adopted.ts";
import { checkSandbox } from "./check-sandbox.ts";
import { currentEpoch } from "./epoch.ts";
import { spawnFacilities } from "./facilities.ts";
import { TreeFigures } from "./figures.ts";
import { failed } from "./failed.ts";
import { healthSocketOf } from "./health-directory.ts";
import { loadTableOf } from "./run-environment.ts";
import type { InstanceHost } from "./instance.ts";
import { Instance } from "./instance.ts";
import { childLauncher } from "./launch.ts";
import type { Launcher } from "./launcher.ts";
import { LogStore } from "./logs/log-store.ts";
import { removeReadyDirectory } from "./readiness.ts";
import { SharedSockets } from "./shared-sockets.ts";
import { makeStateDirectory, readStates, removeState, removeStateDirectory } from "./state-file.ts";
import { Turns } from "./turns.ts";
import { usageOf } from "./usage.ts";

const checkSignal = (signal: string): NodeJS.Signals => {
  if (!(signal in constants.signals)) throw failed(`there is no signal ${signal}`, "see `kill -l`");
  return signal as NodeJS.Signals;
};

export interface SpawnBackendOptions {
  /** Holds `spawn/` (what runs), `logs/`, `ready/`, `health/` and `keeper/`. Made when it is not there. */
  stateDir: string;
  /** The file that Node apps load first. */
  preload: string;
  /** The program that holds listening sockets: dist/keeper.cjs. */
  keeper: string;
  /** For what an operator should know: one line each. */
  report?: (problem: string) => void;
  /** Who starts what shares no sockets. Default: velosd itself. */
  launcher?: (adopted: AdoptedProcesses) => Launcher;
  /** Milliseconds since the epoch. Default: the system's clock. */
  now?: () => number;
}

/**
 * Runs instances without an init system: velosd is their parent and supervisor, but nothing they need goes through
 * it, so that its death takes nothing along. One velosd at a time may use a state directory.
 */
export class SpawnBackend implements Backend {
  readonly name: BackendName = "spawn";
  readonly epoch = currentEpoch();
  readonly #stateDir: string;
  readonly #now: () => number;
  readonly #clock: ClockJumps;
  readonly #logs: LogStore;
  readonly #figures = new TreeFigures();
  readonly #instances = new Map<string, Map<number, Instance>>();
  readonly #adopted = new AdoptedProcesses();
  readonly #sockets: SharedSockets;
  readonly #leaving = new AbortController();
  readonly #host: InstanceHost;
  #onChange: (app: string) => void = () => undefined;

  constructor(options: SpawnBackendOptions) {
    this.#stateDir = options.stateDir;
    this.#now = options.now ?? Date.now;
    this.#clock = new ClockJumps(this.#now);
    this.#logs = new LogStore(options.stateDir, this.#now);
    // As many listeners as instances that are being ended.
    setMaxListeners(0, this.#leaving.signal);
    this.#sockets = new SharedSockets({
      stateDir: options.stateDir,
      keeper: options.keeper,
      adopted: this.#adopted,
      leaving: this.#leaving.signal,
      report: options.report ?? (() => undefined),
    });
    this.#host = {
      stateDir: options.stateDir,
      sockets: this.#sockets,
      launcher: options.launcher?.(this.#adopted) ?? childLauncher,
      preload: options.preload,
      epoch: this.epoch,
      turns: new Turns(),
      adopted: this.#adopted,
      leaving: this.#leaving.signal,
      now: this.#now,
      logPath: (app, index) => this.#logs.pathOf(app, index),
      changed: (app) => this.#changed(app),
      forget: (instance) => this.#forget(instance),
    };
  }

  async open(onChange: (app: string) => void): Promise<void> {
    this.#onChange = onChange;
    mkdirSync(this.#stateDir, { recursive: true });
    await this.#sockets.open();
    const states = readStates(this.#stateDir, this.epoch);
    await this.#host.launcher.open(states);
    const instances = states.map((state) => this.#add(new Instance(this.#host, state)));
    await Promise.all(instances.map((instance) => instance.recover()));
    await this.#sockets.settle(
      instances.flatMap(({ app, pid, spec }) => (pid !== undefined && spec.listen.length > 0 ? [app] : [])),
    );
    this.#tendLogs();
  }

  async close(): Promise<void> {
    this.#leaving.abort(failed("velosd is stopping", "repeat the command"));
    this.#logs.close();
    this.#figures.close();
    for (const instance of this.#all()) instance.detach();
    this.#instances.clear();
    this.#sockets.leave();
  }

  apps(): string[] {
    return [...new Set([...this.#instances.keys(), ...this.#sockets.apps()])];
  }

  observe(app: string): ObservedInstance[] {
    const jump = this.#clock.since();
    if (jump !== 0)
      for (const instances of this.#instances.values())
        for (const instance of instances.values()) instance.clockJumped(jump);
    const instances = [...(this.#instances.get(app)?.values() ?? [])];
    return instances.map((instance) => instance.observe()).sort((a, b) => a.index - b.index);
  }

  async prepare(spec: AppSpec): Promise<void> {
    checkSandbox(spec);
    await this.#sockets.ensure(spec);
    makeStateDirectory(this.#stateDir, spec.name);
    makeLoadTable(loadTableOf(this.#stateDir, spec.name), spec);
  }

  async start(spec: AppSpec, index: number, count: number, variables?: RunVariables): Promise<void> {
    if (this.#find(spec.name, index) !== undefined) {
      throw failed(`${spec.name}:${index} is there already`, "stop or clear it first");
    }
    checkSignal(spec.killSignal);
    makeStateDirectory(this.#stateDir, spec.name);
    const instance = this.#add(Instance.create(this.#host, spec, index, count, variables));
    await instance.start();
  }

  async stop(app: string, index: number): Promise<void> {
    await this.#find(app, index)?.stop();
  }

  async restart(app: string, index: number, variables?: RunVariables): Promise<void> {
    await this.#get(app, index).restart(variables);
  }

  async clear(app: string, index: number): Promise<void> {
    const instance = this.#find(app, index);
    if (instance === undefined) return;
    if (!instance.isEnded) throw failed(`${app}:${index} is not dead`, "stop it instead");
    this.#forget(instance);
  }

  /** Limits cannot be enforced here; log rotation and the length of a short run are taken over. */
  async adjust(spec: AppSpec): Promise<void> {
    for (const instance of this.#instances.get(spec.name)?.values() ?? []) instance.adjust(spec);
  }

  async release(app: string): Promise<void> {
    if (this.#instances.has(app)) return;
    await this.#sockets.close(app);
    removeStateDirectory(this.#stateDir, app);
    removeReadyDirectory(this.#stateDir, app);
    removeLoadTable(loadTableOf(this.#stateDir, app));
  }

  healthSocket(app: string, index: number): string {
    return healthSocketOf(this.#stateDir, app, index);
  }

  async signal(app: string, index: number, signal: string): Promise<void> {
    this.#get(app, index).signal(checkSignal(signal));
  }

  async usage(app: string, index: number): Promise<Usage> {
    const pid = this.#find(app, index)?.pid;
    return pid === undefined ? {} : usageOf(pid);
  }

  async figures(wanted: readonly { app: string; index: number }[]): Promise<(Figures | undefined)[]> {
    const figures = await this.#figures.read(wanted.map(({ app, index }) => this.#find(app, index)?.pid));
    if (figures) return figures;
    return Promise.all(
      wanted.map(async ({ app, index }) => {
        const { cpuUsec: _, ...rest } = await this.usage(app, index);
        return rest;
      }),
    );
  }

  async environment(app: string, index: number): Promise<Record<string, string>> {
    return this.#get(app, index).environment();
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    return this.#logs.read(query, signal);
  }

  async dropLogs(app: string): Promise<void> {
    this.#logs.drop(app);
  }

  async facilities(): Promise<Facility[]> {
    return spawnFacilities();
  }

  *#all(): Iterable<Instance> {
    for (const instances of this.#instances.values()) yield* instances.values();
  }

  #find(app: string, index: number): Instance | undefined {
    return this.#instances.get(app)?.get(index);
  }

  #get(app: string, index: number): Instance {
    const instance = this.#find(app, index);
    if (instance === undefined) throw failed(`there is no ${app}:${index}`, "see `velos list`");
    return instance;
  }

  #add(instance: Instance): Instance {
    const instances = this.#instances.get(instance.app) ?? new Map<number, Instance>();
    this.#instances.set(instance.app, instances.set(instance.index, instance));
    return instance;
  }

  #forget(instance: Instance): void {
    const { app, index } = instance;
    const instances = this.#instances.get(app);
    // Whoever has its place by now keeps it.
    if (instances?.get(index) !== instance) return;
    removeState(this.#stateDir, app, index);
    instance.tidy();
    instances.delete(index);
    if (instances.size === 0) this.#instances.delete(app);
    this.#changed(app);
  }

  #changed(app: string): void {
    if (this.#leaving.signal.aborted) return;
    this.#tendLogs();
    this.#onChange(app);
  }

  /** Tells the log keeper what writes: it rests when nothing does. */
  #tendLogs(): void {
    this.#logs.tend(() => [...this.#all()].filter((instance) => instance.pid !== undefined));
  }
}
