import type { AppSpec } from "../../domain/app.ts";
import { VelosError } from "../../domain/errors.ts";
import type { RunVariables } from "../../domain/run-variables.ts";
import { MemoryInstance } from "./memory-instance.ts";
import { MemoryLog } from "./memory-log.ts";

/** Time as the world has it. The default is the real one, looked up at each call, so that fake timers work too. */
export interface MemoryClock {
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

const realClock: MemoryClock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/** What the program of an instance does. */
export interface Behaviour {
  /** Ends with this code as soon as it runs. */
  exitCode?: number;
  prints?: string[];
  /** Dies of SIGKILL only: a stop takes `killTimeoutMs`. */
  ignoresKillSignal?: boolean;
  /** How long after its start it says that it is ready, for specs with `waitReady`. Default 0; Infinity: never. */
  readyAfterMs?: number;
}

export type MemoryOperation = "start" | "stop" | "restart";

/**
 * The supervisor that memory backends talk to. It outlives them, as systemd does: close a backend, make another one over
 * the same world, and the instances are still there. Tests turn its knobs; all is deterministic.
 */
export class MemoryWorld {
  readonly clock: MemoryClock;
  readonly log = new MemoryLog();
  readonly apps = new Map<string, Map<number, MemoryInstance>>();
  /** Everybody who is told of changes: the backends that are open. */
  readonly listeners = new Set<(app: string) => void>();
  /** What was asked for, in order: `start api:0`, `prepare api`. */
  readonly calls: string[] = [];
  epoch = "memory-1";
  /** What programs do; asked at the beginning of each run. */
  behave: (spec: AppSpec, index: number) => Behaviour = () => ({});
  /** Holds an operation up: milliseconds of the world's clock, or a promise to wait for. */
  delay: (operation: MemoryOperation, app: string, index: number) => number | Promise<void> | undefined = () =>
    undefined;
  #refusals: { app: string; index: number | undefined; why: string }[] = [];
  #serial = 0;

  constructor(clock: MemoryClock = realClock) {
    this.clock = clock;
  }

  /** The instance ends by itself, by SIGKILL unless told otherwise; the restart policy applies. */
  crash(app: string, index: number, end: { code?: number; signal?: string } = { signal: "SIGKILL" }): void {
    this.#get(app, index).end(end);
  }

  /** Somebody stops the instance behind velos's back, like `systemctl stop`: it is gone. */
  operatorStop(app: string, index: number): void {
    this.remove(this.#get(app, index));
  }

  /** The next start of the app (of that instance) fails with BACKEND_FAILED and leaves nothing. */
  refuseNextStart(app: string, index?: number, why = "refused by the test"): void {
    this.#refusals.push({ app, index, why });
  }

  /** Everything is gone, and another epoch begins. */
  reboot(): void {
    for (const instances of this.apps.values()) for (const instance of instances.values()) instance.dispose();
    this.apps.clear();
    this.epoch = `memory-${Number(this.epoch.replace("memory-", "")) + 1}`;
  }

  find(app: string, index: number): MemoryInstance | undefined {
    return this.apps.get(app)?.get(index);
  }

  async start(spec: AppSpec, index: number, count: number, variables?: RunVariables): Promise<void> {
    if (this.find(spec.name, index)) throw refused(`${spec.name}:${index} is there already`);
    const at = this.#refusals.findIndex((refusal) => refusal.app === spec.name && (refusal.index ?? index) === index);
    if (at >= 0) throw refused(this.#refusals.splice(at, 1)[0]!.why);
    const instance = new MemoryInstance(this, spec, index, count, variables);
    const instances = this.apps.get(spec.name) ?? new Map<number, MemoryInstance>();
    this.apps.set(spec.name, instances.set(index, instance));
    await instance.start();
  }

  remove(instance: MemoryInstance): void {
    instance.dispose();
    const instances = this.apps.get(instance.app);
    if (instances?.get(instance.index) !== instance) return;
    instances.delete(instance.index);
    if (instances.size === 0) this.apps.delete(instance.app);
    this.changed(instance.app);
  }

  changed(app: string): void {
    for (const listener of this.listeners) listener(app);
  }

  /** 1, 2, 3 …: what names and pids are made of. */
  nextSerial(): number {
    return ++this.#serial;
  }

  async pass(operation: MemoryOperation, app: string, index: number): Promise<void> {
    const delay = this.delay(operation, app, index);
    await (typeof delay === "number" ? this.sleep(delay) : delay);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimeout(resolve, ms));
  }

  #get(app: string, index: number): MemoryInstance {
    const instance = this.find(app, index);
    if (!instance) throw new Error(`the test speaks of ${app}:${index}, which is not there`);
    return instance;
  }
}

export const refused = (why: string): VelosError =>
  new VelosError("BACKEND_FAILED", { backend: "memory", why, hint: "" });
