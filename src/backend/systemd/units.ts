import type { Exit, ObservedInstance } from "../../domain/instance.ts";
import { ClockJumps } from "../clock-jumps.ts";
import type { Variant } from "./bus.ts";
import { instanceUnit, parseInstanceUnit } from "./names.ts";
import type { UnitFacts } from "./properties.ts";
import { emptyFacts, foldExit, foldRestarts, foldStatus, readProperties } from "./properties.ts";

/** True for a unit that runs nothing and for which nothing is queued. */
const hasEnded = ({ activeState, job }: UnitFacts): boolean =>
  job === 0 && (activeState === "failed" || activeState === "inactive");

/** Main processes remembered, dead ones included: more than journald can be behind. */
const PIDS_KEPT = 4096;

interface Entry {
  app: string;
  index: number;
  facts: UnitFacts;
  fingerprint: string;
  /** Set while it seems to have ended and the manager may be about to say that it restarts it. */
  doubt: symbol | undefined;
  /** The last end of a run that was seen: the manager forgets it when the next one begins. */
  exit?: Exit;
}

/**
 * What is known of the instance units, kept up to date by the manager's signals: looking costs no call. Signals carry
 * every property that can change (the manager sends them together), so nothing has to be asked for.
 */
export class Units {
  readonly #clock: ClockJumps;
  #entries = new Map<string, Entry>();
  #byApp = new Map<string, Map<number, Entry>>();
  #gone = new Map<string, Set<() => void>>();
  #said = new Map<string, number>();
  /** Last ends of instances whose units are unloaded: a clean end and its unloading can come at once. */
  #exits = new Map<string, Map<number, Exit>>();
  /** Whose main process a pid was, for lines of the journal that do not tell; the oldest are forgotten. */
  #pids = new Map<number, { app: string; index: number }>();

  constructor(clock = new ClockJumps()) {
    this.#clock = clock;
  }

  /** The manager's signal, or the answer of a full look. Returns the app, if it is an instance of one. */
  changed(unit: string, properties: Record<string, Variant>): string | undefined {
    this.#said.set(unit, this.said(unit) + 1);
    // Late signals of a unit that is already unloaded must not bring it back.
    const state = properties["ActiveState"]?.value;
    if (!this.#entries.has(unit) && (state === undefined || state === "inactive")) return undefined;
    const entry = this.#ensure(unit);
    if (!entry) return undefined;
    const had = hasEnded(entry.facts);
    readProperties(entry.facts, properties);
    this.#rememberPid(entry);
    if (!hasEnded(entry.facts)) entry.doubt = undefined;
    else if (!had) entry.doubt = Symbol(unit);
    const exit = foldExit(entry.facts);
    if (exit) entry.exit = exit;
    return entry.app;
  }

  removed(unit: string): string | undefined {
    const entry = this.#entries.get(unit);
    // Of sockets and slices nothing is kept.
    if (parseInstanceUnit(unit)) this.#said.set(unit, this.said(unit) + 1);
    if (entry) {
      if (entry.exit)
        this.#exits.set(
          entry.app,
          (this.#exits.get(entry.app) ?? new Map<number, Exit>()).set(entry.index, entry.exit),
        );
      this.#entries.delete(unit);
      const app = this.#byApp.get(entry.app);
      app?.delete(entry.index);
      if (app?.size === 0) this.#byApp.delete(entry.app);
    }
    this.#announceGone(unit);
    return entry?.app;
  }

  /** How the last run of an instance ended whose unit is unloaded. */
  lastExit(app: string, index: number): Exit | undefined {
    return this.#entries.has(instanceUnit(app, index)) ? undefined : this.#exits.get(app)?.get(index);
  }

  forgetExits(app: string): void {
    this.#exits.delete(app);
  }

  /** Remembers the fingerprint that a unit was started with: it is the one thing that no signal tells. */
  setFingerprint(unit: string, fingerprint: string): void {
    const entry = this.#ensure(unit);
    if (entry) entry.fingerprint = fingerprint;
  }

  /** The instance whose main process this was, lately. */
  byPid(pid: number): { app: string; index: number } | undefined {
    return this.#pids.get(pid);
  }

  /** How often something was said of the unit: the same number again means that nothing was since. */
  said(unit: string): number {
    return this.#said.get(unit) ?? 0;
  }

  isInDoubt(unit: string): boolean {
    return this.#entries.get(unit)?.doubt !== undefined;
  }

  /** The doubts there are now, by unit: of all units or of one. */
  doubts(only?: string): Map<string, symbol> {
    const units = only === undefined ? this.loaded() : [only];
    return new Map(
      units.flatMap((unit): [string, symbol][] => {
        const doubt = this.#entries.get(unit)?.doubt;
        return doubt === undefined ? [] : [[unit, doubt]];
      }),
    );
  }

  /** Ends these doubts, not those that came since; to be called when the manager had the chance to say more. */
  settle(doubts: ReadonlyMap<string, symbol>): Set<string> {
    const apps = new Set<string>();
    for (const [unit, doubt] of doubts) {
      const entry = this.#entries.get(unit);
      if (entry?.doubt !== doubt) continue;
      entry.doubt = undefined;
      apps.add(entry.app);
    }
    return apps;
  }

  /** True while the manager waits before it restarts the unit. */
  isWaiting(unit: string): boolean {
    const facts = this.#entries.get(unit)?.facts;
    return facts !== undefined && foldStatus(facts) === "waiting";
  }

  facts(unit: string): UnitFacts | undefined {
    return this.#entries.get(unit)?.facts;
  }

  /** The last end of a run of a unit that is loaded, also when the next run has begun meanwhile. */
  exit(unit: string): Exit | undefined {
    return this.#entries.get(unit)?.exit;
  }

  loaded(): string[] {
    return [...this.#entries.keys()];
  }

  apps(): string[] {
    return [...this.#byApp.keys()];
  }

  observe(app: string): ObservedInstance[] {
    const instances: ObservedInstance[] = [];
    for (const entry of this.#byApp.get(app)?.values() ?? []) {
      const { facts } = entry;
      const status = entry.doubt ? "stopping" : foldStatus(facts);
      if (status === undefined) continue;
      const alive = facts.mainPid > 0;
      instances.push({
        index: entry.index,
        status,
        unit: instanceUnit(app, entry.index),
        fingerprint: entry.fingerprint,
        run: facts.invocation,
        restarts: foldRestarts(facts),
        ...(alive && { pid: facts.mainPid }),
        ...(alive && facts.startMs > 0 && { startedAt: this.#moment(facts, "startMs") }),
        ...(status === "online" && facts.activeEnterMs > 0 && { onlineAt: this.#moment(facts, "activeEnterMs") }),
        ...(facts.activeExitMs > 0 && { leftAt: this.#moment(facts, "activeExitMs") }),
        ...(entry.exit && { exit: entry.exit }),
      });
    }
    return instances.sort((a, b) => a.index - b.index);
  }

  #moment(facts: UnitFacts, name: "startMs" | "activeEnterMs" | "activeExitMs"): number {
    return this.#clock.moved(facts[name], facts.sinceBoot[name]);
  }

  /** Resolves when the unit is unloaded; at once if it is. */
  async gone(unit: string): Promise<void> {
    if (!this.#entries.has(unit)) return;
    await new Promise<void>((resolve) => {
      const waiting = this.#gone.get(unit) ?? new Set();
      waiting.add(resolve);
      this.#gone.set(unit, waiting);
    });
  }

  #announceGone(unit: string): void {
    for (const resolve of this.#gone.get(unit) ?? []) resolve();
    this.#gone.delete(unit);
  }

  #rememberPid({ app, index, facts: { mainPid } }: Entry): void {
    if (mainPid === 0) return;
    this.#pids.delete(mainPid);
    this.#pids.set(mainPid, { app, index });
    if (this.#pids.size > PIDS_KEPT) this.#pids.delete(this.#pids.keys().next().value!);
  }

  #ensure(unit: string): Entry | undefined {
    const known = this.#entries.get(unit);
    if (known) return known;
    const parsed = parseInstanceUnit(unit);
    if (!parsed) return undefined;
    const entry: Entry = { ...parsed, facts: emptyFacts(), fingerprint: "", doubt: undefined };
    this.#entries.set(unit, entry);
    const app = this.#byApp.get(parsed.app) ?? new Map<number, Entry>();
    app.set(parsed.index, entry);
    this.#byApp.set(parsed.app, app);
    return entry;
  }
}
