import type { AppSpec } from "../../domain/app.ts";
import { fingerprint } from "../../domain/app.ts";
import type { Exit, InstanceStatus, ObservedInstance } from "../../domain/instance.ts";
import { restartDelay, shouldRestart } from "../../domain/restart-policy.ts";
import type { RunVariables } from "../../domain/run-variables.ts";
import type { MemoryWorld } from "./memory-world.ts";
import { refused } from "./memory-world.ts";

/** Above every real pid, so that no test hits a process by mistake. */
const FIRST_PID = 5_000_000;

/** An instance of a world. */
export class MemoryInstance {
  readonly app: string;
  readonly index: number;
  readonly count: number;
  spec: AppSpec;
  variables: RunVariables;
  status: InstanceStatus = "starting";
  #world: MemoryWorld;
  #run = "";
  #pid: number | undefined;
  #restarts = 0;
  #shortRuns = 0;
  #startedAt: number | undefined;
  #onlineAt: number | undefined;
  #exit: Exit | undefined;
  #timer: unknown;
  #isGone = false;
  /** Settles the start or restart that waits for this run. */
  #whenUp: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #stopping: Promise<void> | undefined;

  constructor(world: MemoryWorld, spec: AppSpec, index: number, count: number, variables?: RunVariables) {
    [this.#world, this.spec, this.index, this.count, this.app] = [world, spec, index, count, spec.name];
    this.variables = variables ?? { lasting: {}, once: {} };
  }

  observe(): ObservedInstance {
    return {
      index: this.index,
      status: this.status,
      unit: `memory ${this.app}@${this.index}`,
      fingerprint: fingerprint(this.spec),
      run: this.#run,
      restarts: this.#restarts,
      ...(this.#pid !== undefined && { pid: this.#pid }),
      ...(this.#startedAt !== undefined && { startedAt: this.#startedAt }),
      ...(this.#onlineAt !== undefined && { onlineAt: this.#onlineAt }),
      ...(this.#exit && { exit: this.#exit }),
    };
  }

  get isDead(): boolean {
    return this.status === "stopped" || this.status === "errored";
  }

  async start(): Promise<void> {
    try {
      await this.#bringUp("start");
    } catch (error) {
      if (this.#stopping === undefined) this.#world.remove(this);
      throw error;
    }
  }

  async restart(variables?: RunVariables): Promise<void> {
    this.variables = variables ?? { ...this.variables, once: {} };
    this.#cancel(refused("it was restarted before it was up"));
    this.#to("stopping");
    await this.#killed();
    if (this.#isGone || this.#stopping) throw refused("it was stopped before it was up");
    this.#leaveRun();
    [this.#restarts, this.#shortRuns] = [0, 0];
    try {
      await this.#bringUp("restart");
    } catch (error) {
      if (!this.#isGone && this.#stopping === undefined) this.#to("errored");
      throw error;
    }
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    const wasAlive = !this.isDead && this.status !== "waiting";
    this.#cancel(refused("it was stopped before it was up"));
    this.#to("stopping");
    await this.#world.pass("stop", this.app, this.index);
    if (wasAlive) await this.#killed();
    this.#world.remove(this);
  }

  /** The main process ends by itself. */
  end(how: { code?: number; signal?: string }): void {
    if (this.#pid === undefined) throw new Error(`the test ends ${this.app}:${this.index}, which has no process`);
    const at = this.#world.clock.now();
    const ranMs = at - (this.#startedAt ?? at);
    this.#exit = {
      at,
      ...how,
      ranMs,
      result: how.signal !== undefined ? "signal" : how.code === 0 ? "success" : "exit-code",
    };
    this.#leaveRun();
    if (this.#whenUp) return this.#cancel(refused("it ended before it was ready"));
    if (this.status === "stopping") return;
    this.#shortRuns = ranMs >= this.spec.minUptimeMs ? 0 : this.#shortRuns + 1;
    if (!shouldRestart(this.spec, this.#exit)) {
      const isClean = how.code === 0 || (how.code !== undefined && this.spec.stopExitCodes.includes(how.code));
      return this.#to(isClean ? "stopped" : "errored");
    }
    this.#to("waiting");
    this.#arm(restartDelay(this.spec, this.#shortRuns), () => {
      this.#restarts++;
      this.variables = { ...this.variables, once: {} };
      this.#begin();
    });
  }

  /** No longer there: nothing more comes of it. */
  dispose(): void {
    this.#isGone = true;
    this.#cancel(refused("it was stopped before it was up"));
  }

  async #bringUp(operation: "start" | "restart"): Promise<void> {
    this.#to("starting");
    await this.#world.pass(operation, this.app, this.index);
    if (this.#isGone || this.#stopping) throw refused("it was stopped before it was up");
    await new Promise<void>((resolve, reject) => {
      this.#whenUp = { resolve, reject };
      this.#begin();
    });
  }

  #begin(): void {
    const { clock, log } = this.#world;
    const behaviour = this.#world.behave(this.spec, this.index);
    const serial = this.#world.nextSerial();
    [this.#run, this.#pid, this.#startedAt] = [`run-${serial}`, FIRST_PID + serial, clock.now()];
    this.#to("starting");
    for (const line of behaviour.prints ?? []) log.write(this.app, this.index, line, clock.now());
    const exitsUp = (): void => {
      if (behaviour.exitCode !== undefined && this.#pid === FIRST_PID + serial) this.end({ code: behaviour.exitCode });
    };
    const up = (): void => {
      this.#onlineAt = clock.now();
      this.#to("online");
      this.#whenUp?.resolve();
      this.#whenUp = undefined;
      if (behaviour.exitCode !== undefined) this.#arm(0, exitsUp);
    };
    if (!this.spec.waitReady) return up();
    if (behaviour.exitCode !== undefined) return exitsUp();
    const readyAfterMs = behaviour.readyAfterMs ?? 0;
    if (readyAfterMs <= this.spec.listenTimeoutMs) return this.#arm(readyAfterMs, up);
    this.#arm(this.spec.listenTimeoutMs, () => {
      const why = `it did not say that it is ready within ${this.spec.listenTimeoutMs / 1000} s`;
      if (this.#whenUp) this.#leaveRun();
      if (this.#whenUp) this.#cancel(refused(why));
      else this.end({ signal: this.spec.killSignal });
    });
  }

  /** How long the end takes: none, or the kill timeout. */
  async #killed(): Promise<void> {
    if (this.#pid !== undefined && this.#world.behave(this.spec, this.index).ignoresKillSignal) {
      await this.#world.sleep(this.spec.killTimeoutMs);
    }
  }

  #leaveRun(): void {
    this.#world.clock.clearTimeout(this.#timer);
    this.#pid = this.#startedAt = this.#onlineAt = undefined;
  }

  #cancel(error: Error): void {
    this.#world.clock.clearTimeout(this.#timer);
    const waiting = this.#whenUp;
    this.#whenUp = undefined;
    waiting?.reject(error);
  }

  #arm(ms: number, callback: () => void): void {
    this.#timer = this.#world.clock.setTimeout(callback, ms);
  }

  #to(status: InstanceStatus): void {
    this.status = status;
    if (!this.#isGone) this.#world.changed(this.app);
  }
}
