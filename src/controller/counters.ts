import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CrashTrack } from "../domain/crash-track.ts";
import { newTrack } from "../domain/crash-track.ts";
import type { AppTally } from "../domain/tally.ts";
import { newAppTally } from "../domain/tally.ts";
import { writeAtomically } from "./store.ts";
import { makeDirectories } from "../backend/make-directories.ts";

/** How long crashes may be counted only in memory: a crash loop must not become a loop of fsync. */
const SAVE_AFTER_MS = 1000;

/** Where the app's own counts stand in its file, beside those of its instances. */
const APP_KEY = "app";

/**
 * What has been counted of every instance, kept across velosd's death in `<directory>/<app>.json`. The first change
 * after a quiet second is saved at once, and so is each that cannot be found again by looking. Losing the last second
 * of the others is no harm: the supervisor's own counter is compared at the next look.
 */
export class Counters {
  readonly directory: string;
  #tracks = new Map<string, Map<number, CrashTrack>>();
  #tallies = new Map<string, AppTally>();
  /** Apps with counts that are only in memory. */
  #unsaved = new Set<string>();
  #savedAt = new Map<string, number>();
  #timers = new Map<string, NodeJS.Timeout>();
  #saving = new Map<string, Promise<void>>();

  constructor(directory: string) {
    this.directory = directory;
  }

  async load(apps: readonly string[]): Promise<void> {
    makeDirectories(this.directory, 0o700);
    for (const app of apps) {
      try {
        const { [APP_KEY]: tally, ...stored } = JSON.parse(
          await readFile(join(this.directory, `${app}.json`), "utf8"),
        ) as Record<string, CrashTrack> & { [APP_KEY]?: AppTally };
        if (tally) this.#tallies.set(app, { ...newAppTally(), ...tally });
        this.#tracks.set(app, new Map(Object.entries(stored).map(([index, track]) => [Number(index), track])));
      } catch {
        // Counts that cannot be read begin anew.
      }
    }
  }

  of(app: string): ReadonlyMap<number, CrashTrack> {
    return this.#tracks.get(app) ?? new Map();
  }

  get(app: string, index: number): CrashTrack {
    return this.#tracks.get(app)?.get(index) ?? newTrack();
  }

  /** `atOnce`: for what a look cannot find again; see `touch`. */
  set(app: string, index: number, track: CrashTrack, atOnce = false): void {
    const tracks = this.#tracks.get(app) ?? new Map<number, CrashTrack>();
    this.#tracks.set(app, tracks);
    tracks.set(index, track);
    this.touch(app, atOnce);
  }

  /** The counts of an app by reason, and what things took; `touch` is to be called after a change to them. */
  tally(app: string): AppTally {
    const known = this.#tallies.get(app);
    if (known) return known;
    const tally = newAppTally();
    this.#tallies.set(app, tally);
    return tally;
  }

  /** What is counted of the app changed: it is saved soon, or at once where that is rare and cannot be seen again. */
  touch(app: string, atOnce = false): void {
    this.#unsaved.add(app);
    const wait = (this.#savedAt.get(app) ?? -Infinity) + SAVE_AFTER_MS - performance.now();
    if (atOnce || wait <= 0) return this.#save(app);
    if (this.#timers.has(app)) return;
    this.#timers.set(app, setTimeout(() => this.#save(app), wait).unref());
  }

  /** Forgets an app that was deleted. */
  async remove(app: string): Promise<void> {
    clearTimeout(this.#timers.get(app));
    this.#timers.delete(app);
    this.#unsaved.delete(app);
    this.#savedAt.delete(app);
    this.#tracks.delete(app);
    this.#tallies.delete(app);
    await this.#saving.get(app);
    await rm(join(this.directory, `${app}.json`), { force: true });
  }

  /** Writes what is only in memory. */
  async flush(): Promise<void> {
    for (const app of [...this.#unsaved]) this.#save(app);
    await Promise.all(this.#saving.values());
  }

  #save(app: string): void {
    clearTimeout(this.#timers.get(app));
    this.#timers.delete(app);
    this.#savedAt.set(app, performance.now());
    const before = this.#saving.get(app) ?? Promise.resolve();
    const saving = before.then(() => this.#write(app));
    this.#saving.set(app, saving);
    void saving.then(() => {
      if (this.#saving.get(app) === saving) this.#saving.delete(app);
    });
  }

  /** Writes what there is by now; when a write before this one has taken it along, there is nothing left to do. */
  async #write(app: string): Promise<void> {
    if (!this.#unsaved.delete(app)) return;
    const content = JSON.stringify({ ...Object.fromEntries(this.of(app)), [APP_KEY]: this.#tallies.get(app) });
    // A full disk costs counts, not apps.
    await writeAtomically(this.directory, `${app}.json`, content).catch(() => {});
  }
}
