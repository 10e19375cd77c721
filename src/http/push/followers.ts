import { LogCursor } from "../../api/log-cursor.ts";
import type { Result } from "../../api/operations.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Fleet } from "../fleet.ts";
import type { Velosd } from "../velosd.ts";

export type Line = Result<"logs">;

/** Lines of one app that came together. */
export interface Batch {
  lines: readonly Line[];
  /** To go on after them. */
  cursor: string;
}

/** Each app that is followed costs velosd a `journalctl`. */
const MAX_APPS = 64;
/** Lines that are kept of the past, for who joins while a page of the past is read for it. */
const KEPT = 500;
/** How long lines are gathered, so that a burst is a few messages and not thousands. */
const GATHER_MS = 20;
const MAX_GATHERED = 1000;
/** The wait before a log is read again that has ended although its app and velosd are there. */
const AGAIN_MS = 500;

/** Follows the logs of apps: each of them once, however many want to read it. */
export class Followers {
  readonly #velosd: Velosd;
  readonly #fleet: Fleet;
  readonly #followers = new Map<string, Follower>();
  readonly #listeners = new Set<() => void>();

  constructor(velosd: Velosd, fleet: Fleet) {
    [this.#velosd, this.#fleet] = [velosd, fleet];
  }

  /**
   * The listener gets the latest lines at once, then each batch as it comes. Returns what ends that.
   * @throws VelosError TOO_MANY_REQUESTS
   */
  follow(app: string, listener: (batch: Batch) => void): () => void {
    let follower = this.#followers.get(app);
    if (!follower) {
      if (this.#followers.size >= MAX_APPS)
        throw new VelosError("TOO_MANY_REQUESTS", { why: `the logs of ${MAX_APPS} apps are followed already` });
      follower = new Follower(app, this.#velosd, this.#fleet);
      this.#followers.set(app, follower);
    }
    const { listeners } = follower;
    listeners.add(listener);
    if (follower.kept.length > 0) listener({ lines: follower.kept, cursor: follower.cursor.toString() });
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#followers.get(app) !== follower) return;
      this.#followers.delete(app);
      follower.end();
    };
  }

  /** The listener is told when apps came or went. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be called when apps came or went, or velosd did. */
  changed(): void {
    for (const follower of this.#followers.values()) follower.wake();
    for (const listener of [...this.#listeners]) listener();
  }

  close(): void {
    for (const follower of this.#followers.values()) follower.end();
    this.#followers.clear();
  }
}

/** One app's log, followed over every end of velosd and of the app itself. */
class Follower {
  readonly listeners = new Set<(batch: Batch) => void>();
  /** The latest lines, whoever was there to read them. */
  kept: Line[] = [];
  readonly cursor: LogCursor;
  readonly #app: string;
  readonly #velosd: Velosd;
  readonly #fleet: Fleet;
  readonly #seen = new Set<string>();
  #gathered: Line[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #control = new AbortController();
  #wake = (): void => {};

  constructor(app: string, velosd: Velosd, fleet: Fleet) {
    this.#app = app;
    this.#velosd = velosd;
    this.#fleet = fleet;
    this.cursor = new LogCursor(app);
    void this.#run();
  }

  wake(): void {
    this.#wake();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#control.abort();
    this.#wake();
  }

  get #ended(): boolean {
    return this.#control.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const changed = new Promise<void>((resolve) => (this.#wake = resolve));
      let again: NodeJS.Timeout | undefined;
      if (this.#isThere) {
        await this.#read().catch(() => {});
        // Nothing tells when a log can be read again, as after the end of a `journalctl`.
        if (this.#isThere) again = setTimeout(this.#wake, AGAIN_MS);
      }
      if (!this.#ended) await changed;
      clearTimeout(again);
    }
  }

  get #isThere(): boolean {
    return this.#velosd.lost === undefined && this.#fleet.app(this.#app) !== undefined;
  }

  async #read(): Promise<void> {
    await this.#catchUp();
    const params = { selectors: [this.#app], lines: KEPT, follow: true, places: true };
    for await (const line of this.#velosd.stream("logs", params, this.#control.signal)) {
      if (this.#ended) return;
      this.#take(line);
    }
  }

  /** What was missed while velosd was away. */
  async #catchUp(): Promise<void> {
    while (!this.#ended && this.cursor.position) {
      const params = { selectors: [this.#app], lines: 1000, cursor: this.cursor.toString(), places: true };
      const { lines } = await this.#velosd.call("logPage", params).catch((error: unknown) => {
        // The app was deleted and made again: its log has begun anew.
        if (error instanceof VelosError && error.code === "CURSOR_INVALID") return { lines: [] };
        throw error;
      });
      for (const line of lines) this.#take(line);
      if (lines.length < 1000) return;
    }
  }

  #take(line: Line): void {
    const { place = "" } = line;
    if (this.#seen.has(place)) return;
    this.#seen.add(place);
    if (this.#seen.size > 4 * KEPT) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest!);
    }
    this.#gathered.push(line);
    if (this.#gathered.length >= MAX_GATHERED) this.#give();
    else this.#timer ??= setTimeout(() => this.#give(), GATHER_MS);
  }

  #give(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#gathered;
    this.#gathered = [];
    for (const line of lines) this.cursor.pass(line);
    this.kept = [...this.kept, ...lines].slice(-KEPT);
    const batch = { lines, cursor: this.cursor.toString() };
    for (const listener of this.listeners) listener(batch);
  }
}
