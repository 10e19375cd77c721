import { isDeepStrictEqual } from "node:util";
import type { AppSpec, HealthCheck } from "../../src/domain/app.ts";
import { fingerprint } from "../../src/domain/app.ts";
import type { Exit, InstanceStatus, ObservedInstance } from "../../src/domain/instance.ts";
import { shouldRestart } from "../../src/domain/restart-policy.ts";
import { saysReady } from "./spec.ts";

/** What becomes of an instance on a spec; the spec carries it in `env.QUALITY`. */
export type Quality = "good" | "crashes" | "never-ready" | "exits" | "refused" | "unwell";

/** How long things take, in milliseconds. Each time it is between half and one and a half of it. */
export interface Pace {
  bootMs: number;
  stopMs: number;
  /** Until the supervisor takes up what it was told, and until its answer arrives. */
  latencyMs: number;
  /** From when it is online until its health check passes, where it has one. */
  healthMs: number;
}

/** Undefined when it went well, else why not. */
export type Answer = (failure?: string) => void;

/** The truth about one instance. */
interface Life {
  index: number;
  spec: AppSpec;
  print: string;
  status: InstanceStatus;
  run: string;
  restarts: number;
  startedAt: number;
  onlineAt?: number;
  /** When its own health check passes, if somebody asks. */
  wellAt?: number;
  exit?: Exit;
  /** Counts up whenever what was going to happen is not going to happen any more. */
  turn: number;
  /** Who waits for it to come up, and who for it to be gone. */
  up: Answer[];
  gone: Answer[];
}

interface Moment {
  at: number;
  order: number;
  happen: () => void;
}

/** More than any world of these tests needs; one that never comes to rest reaches it. */
const MOST_MOMENTS = 20_000;

/**
 * A supervisor and the time: instances come up, crash, are restarted and go away, moment by moment. It behaves as
 * systemd was seen to: a name that is taken is refused, a stopped unit is gone at once, a failed one stays known.
 */
export class World {
  now = 1_000_000;
  /** Which indexes were ever started on a spec. */
  readonly everOn = new Map<string, Set<number>>();
  /** Called whenever anything may have changed. */
  onChange: () => void = () => undefined;
  /** False while velosd is dead. */
  isAttended = true;

  private readonly lives = new Map<number, Life>();
  private readonly pace: Pace;
  private readonly messy: boolean;
  private moments: Moment[] = [];
  private order = 0;
  private runs = 0;
  private state: number;

  /** @param messy programs fail when they are stopped */
  constructor(seed: number, pace: Pace, messy: boolean) {
    this.state = seed;
    this.pace = pace;
    this.messy = messy;
  }

  /** Lets time pass until nothing more is going to happen, or until a time. */
  run(until = Infinity): void {
    for (let count = 0; this.moments.length > 0; count++) {
      if (count > MOST_MOMENTS) throw new Error(`it does not come to rest, at ${this.now}`);
      const next = this.moments.reduce((a, b) => (b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a));
      if (next.at > until) return;
      this.moments = this.moments.filter((moment) => moment !== next);
      this.now = Math.max(this.now, next.at);
      next.happen();
    }
  }

  at(time: number, happen: () => void): void {
    this.moments.push({ at: Math.ceil(time), order: this.order++, happen });
  }

  after(delayMs: number, happen: () => void): void {
    this.at(this.now + delayMs, happen);
  }

  /** The latency of one message. */
  latency(): number {
    return this.around(this.pace.latencyMs);
  }

  /** 0 … 1 (mulberry32). */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  observe(): ObservedInstance[] {
    return [...this.lives.values()]
      .sort((a, b) => a.index - b.index)
      .map(({ index, spec, print, status, run, restarts, startedAt, onlineAt, exit }) => ({
        index,
        status,
        unit: `velos-${spec.name}@${index}.service`,
        fingerprint: print,
        run,
        restarts,
        startedAt,
        ...(onlineAt !== undefined && { onlineAt }),
        ...(exit && { exit }),
      }));
  }

  /** True when the instance serves, as an operator would say who knows how it was started. */
  serves(index: number): boolean {
    const life = this.lives.get(index);
    if (life?.status !== "online" || life.onlineAt === undefined) return false;
    if (life.spec.health) return this.now >= life.wellAt!;
    return saysReady(life.spec) || this.now >= life.onlineAt + life.spec.minUptimeMs;
  }

  /** When an instance that is online passes a health check; Infinity for one that its program knows nothing of. */
  wellAt(index: number, asked: HealthCheck): number {
    const life = this.lives.get(index);
    return life?.status === "online" && isDeepStrictEqual(life.spec.health, asked) ? life.wellAt! : Infinity;
  }

  // What velosd asks for.

  start(spec: AppSpec, index: number, answer: Answer): void {
    if (this.lives.has(index)) throw new Error(`${index} was started, but its name is taken`);
    if (spec.env["QUALITY"] === "refused") return answer("bad property");
    const print = fingerprint(spec);
    const life: Life = {
      index,
      spec,
      print,
      status: "starting",
      run: "",
      restarts: 0,
      startedAt: this.now,
      turn: 0,
      up: [answer],
      gone: [],
    };
    this.lives.set(index, life);
    this.begin(life);
  }

  stop(index: number, answer: Answer, byOperator = false): void {
    const life = this.lives.get(index);
    if (life === undefined || this.isDead(life)) return answer();
    life.gone.push(answer);
    this.end(life, () => {
      life.exit = { at: this.now, code: 1, ranMs: this.now - life.startedAt };
      life.status = "errored";
      // A program that fails while it stops leaves a failed unit; velosd clears it away, if it is there.
      if (!this.messy || (this.isAttended && !byOperator)) this.lives.delete(index);
      this.answer(life.gone);
    });
  }

  restart(index: number, answer: Answer): void {
    const life = this.lives.get(index);
    if (life === undefined || this.isDead(life)) return answer("it is not running");
    // The new job takes the place of a stop under way.
    this.answer(life.gone, "canceled");
    this.end(life, () => {
      life.restarts = 0;
      this.begin(life);
    });
    life.up.push(answer);
  }

  clear(index: number, answer: Answer): void {
    const life = this.lives.get(index);
    if (life && this.isDead(life)) {
      this.lives.delete(index);
      this.onChange();
    }
    answer();
  }

  // What happens without velosd.

  crash(index: number): void {
    const life = this.lives.get(index);
    if (life?.status === "online" || life?.status === "starting") this.die(life, { signal: "SIGKILL" });
  }

  operatorStop(index: number): void {
    this.stop(index, () => undefined, true);
  }

  operatorRestart(index: number): void {
    this.restart(index, () => undefined);
  }

  private isDead(life: Life): boolean {
    return life.status === "stopped" || life.status === "errored";
  }

  private begin(life: Life): void {
    const turn = ++life.turn;
    const later = (delayMs: number, happen: () => void): void =>
      this.after(delayMs, () => {
        if (life.turn === turn) happen();
      });
    life.status = "starting";
    life.run = `run-${++this.runs}`;
    life.startedAt = this.now;
    delete life.onlineAt;
    delete life.wellAt;
    this.everOn.set(life.print, (this.everOn.get(life.print) ?? new Set()).add(life.index));
    this.onChange();

    const quality = life.spec.env["QUALITY"] as Quality;
    // Without a readiness signal the supervisor calls it online as soon as the program runs.
    const upMs = saysReady(life.spec) ? this.around(this.pace.bootMs) : 1;
    // A bad one ends before anybody could take it for a good one.
    const endMs =
      this.random() * 0.9 * (saysReady(life.spec) ? Math.min(upMs, life.spec.minUptimeMs) : life.spec.minUptimeMs);
    if (quality === "crashes") later(endMs, () => this.die(life, { code: 1 }));
    if (quality === "exits") later(endMs, () => this.die(life, { code: 0 }));
    if (quality === "never-ready") {
      later(life.spec.listenTimeoutMs, () => this.die(life, { result: "timeout" }));
    } else {
      later(upMs, () => {
        life.status = "online";
        life.onlineAt = this.now;
        if (life.spec.health) life.wellAt = quality === "good" ? this.now + this.around(this.pace.healthMs) : Infinity;
        this.onChange();
        this.answer(life.up);
      });
    }
  }

  /** The instance goes away, and `then` comes when it is gone; whoever waited for it to come up waits in vain. */
  private end(life: Life, then: () => void): void {
    const turn = ++life.turn;
    life.status = "stopping";
    this.onChange();
    this.answer(life.up, "it was stopped");
    this.after(this.around(this.pace.stopMs), () => {
      if (life.turn !== turn) return;
      then();
      this.onChange();
    });
  }

  private die(life: Life, how: Omit<Exit, "at">): void {
    const turn = ++life.turn;
    const exit: Exit = { at: this.now, ranMs: this.now - life.startedAt, ...how };
    life.exit = exit;
    if (shouldRestart(life.spec, exit)) {
      life.status = "waiting";
      this.after(life.spec.restartDelayMs, () => {
        if (life.turn !== turn) return;
        life.restarts++;
        this.begin(life);
      });
    } else if (exit.code === 0) {
      life.status = "stopped";
      this.after(1, () => {
        if (life.turn !== turn) return;
        this.lives.delete(life.index);
        this.onChange();
      });
    } else {
      life.status = "errored";
    }
    this.onChange();
    this.answer(life.up, "it ended");
  }

  private answer(waiting: Answer[], failure?: string): void {
    for (const answer of waiting.splice(0)) this.after(this.latency(), () => answer(failure));
  }

  private around(ms: number): number {
    return Math.round(ms * (0.5 + this.random()));
  }
}
