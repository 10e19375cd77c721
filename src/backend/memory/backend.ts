import { setMaxListeners } from "node:events";
import type { AppSpec } from "../../domain/app.ts";
import { instanceEnvironment } from "../../domain/instance-environment.ts";
import type { ObservedInstance } from "../../domain/instance.ts";
import type { RunVariables } from "../../domain/run-variables.ts";
import type { Backend, Facility, Figures, LogLine, LogQuery, Usage } from "../backend.ts";
import type { MemoryInstance } from "./memory-instance.ts";
import type { MemoryWorld } from "./memory-world.ts";
import { refused } from "./memory-world.ts";

/** An ideal backend without processes, for the tests of what is above backends. Its supervisor is a `MemoryWorld`. */
export class MemoryBackend implements Backend {
  readonly name = "memory";
  readonly #world: MemoryWorld;
  #onChange: ((app: string) => void) | undefined;
  /** Rejects what is under way when velosd leaves; the world carries on with it. */
  readonly #leaving = new AbortController();

  constructor(world: MemoryWorld) {
    this.#world = world;
    setMaxListeners(0, this.#leaving.signal);
  }

  get epoch(): string {
    return this.#world.epoch;
  }

  async open(onChange: (app: string) => void): Promise<void> {
    this.#onChange = onChange;
    this.#world.listeners.add(onChange);
  }

  async close(): Promise<void> {
    if (this.#onChange) this.#world.listeners.delete(this.#onChange);
    this.#leaving.abort(refused("velosd is stopping"));
  }

  apps(): string[] {
    return [...this.#world.apps.keys()];
  }

  observe(app: string): ObservedInstance[] {
    return [...(this.#world.apps.get(app)?.values() ?? [])]
      .map((instance) => instance.observe())
      .sort((a, b) => a.index - b.index);
  }

  async prepare(spec: AppSpec): Promise<void> {
    this.#world.calls.push(`prepare ${spec.name}`);
  }

  start(spec: AppSpec, index: number, count: number, variables?: RunVariables): Promise<void> {
    this.#world.calls.push(`start ${spec.name}:${index}`);
    return this.#unlessLeaving(this.#world.start(structuredClone(spec), index, count, variables));
  }

  stop(app: string, index: number): Promise<void> {
    this.#world.calls.push(`stop ${app}:${index}`);
    return this.#unlessLeaving(this.#world.find(app, index)?.stop() ?? Promise.resolve());
  }

  async restart(app: string, index: number, variables?: RunVariables): Promise<void> {
    this.#world.calls.push(`restart ${app}:${index}`);
    return this.#unlessLeaving(this.#get(app, index).restart(variables));
  }

  async clear(app: string, index: number): Promise<void> {
    this.#world.calls.push(`clear ${app}:${index}`);
    const instance = this.#world.find(app, index);
    if (instance === undefined) return;
    if (!instance.isDead) throw refused(`${app}:${index} is not dead`);
    this.#world.remove(instance);
  }

  async adjust(spec: AppSpec): Promise<void> {
    this.#world.calls.push(`adjust ${spec.name}`);
  }

  async release(app: string): Promise<void> {
    this.#world.calls.push(`release ${app}`);
  }

  healthSocket(app: string, index: number): string {
    return `/memory/${app}/${index}`;
  }

  async signal(app: string, index: number, signal: string): Promise<void> {
    this.#world.calls.push(`signal ${signal} ${app}:${index}`);
    this.#get(app, index);
  }

  async usage(app: string, index: number): Promise<Usage> {
    return this.#world.find(app, index)?.status === "online" ? { cpuUsec: 0, memoryBytes: 0, tasks: 1 } : {};
  }

  async figures(wanted: readonly { app: string; index: number }[]): Promise<(Figures | undefined)[]> {
    return wanted.map(({ app, index }) =>
      this.#world.find(app, index)?.status === "online"
        ? { cpuUserUsec: 0, cpuSystemUsec: 0, memoryBytes: 0, tasks: 1 }
        : undefined,
    );
  }

  async environment(app: string, index: number): Promise<Record<string, string>> {
    const { spec, count, variables } = this.#get(app, index);
    const { visible, secret } = instanceEnvironment(spec, index, count);
    return { ...secret, ...visible, ...variables.lasting, ...variables.once };
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    return this.#world.log.read(query, signal);
  }

  async dropLogs(app: string): Promise<void> {
    this.#world.log.drop(app);
  }

  async facilities(): Promise<Facility[]> {
    return [{ name: "memory", ok: true, note: "no processes: for tests" }];
  }

  #get(app: string, index: number): MemoryInstance {
    const instance = this.#world.find(app, index);
    if (instance === undefined) throw refused(`there is no ${app}:${index}`);
    return instance;
  }

  #unlessLeaving(work: Promise<void>): Promise<void> {
    const { signal } = this.#leaving;
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", leave);
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }
}
