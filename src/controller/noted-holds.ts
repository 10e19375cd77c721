import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectories } from "../backend/make-directories.ts";
import type { AppRecord, Hold } from "../domain/record.ts";

/**
 * Holds whose save is still under way, in `<directory>/<app>.json`. Giving an instance up stops it at once, and saving that
 * takes as long as the disk likes; were velosd killed in between, the next one would find an instance gone and take it for
 * stopped by an operator. So a note is there before the stop is. It need not outlive the machine (an app of an earlier boot
 * is started anew anyhow), and so is written in one call, without waiting for a disk: in memory, where `directory` is below
 * `/run`.
 */
export class NotedHolds {
  readonly #directory: string;
  readonly #noted = new Map<string, Record<string, Hold>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes down the holds that are not on disk. Where that fails, only the reason is lost, and only by a kill -9. */
  write(app: string, holds: Record<string, Hold>): void {
    try {
      makeDirectories(this.#directory, 0o700);
      writeFileSync(this.#path(app), JSON.stringify(holds), { mode: 0o600 });
      this.#noted.set(app, holds);
    } catch {
      // As said above.
    }
  }

  /** The record with what was noted of it since it was saved; what is older was answered by a command meanwhile. */
  applied(record: AppRecord): AppRecord {
    const app = record.spec.name;
    const noted = this.#read(app);
    this.#noted.set(app, noted);
    const later = Object.entries(noted).filter(
      ([index, { at }]) => at > record.updatedAt && record.holds[index] === undefined,
    );
    return later.length === 0 ? record : { ...record, holds: { ...record.holds, ...Object.fromEntries(later) } };
  }

  /** Removes the note of a record that was saved, unless the note is the newer one. */
  saved({ spec, holds, updatedAt }: AppRecord): void {
    const noted = Object.entries(this.#noted.get(spec.name) ?? {});
    if (noted.length > 0 && noted.every(([index, { at }]) => holds[index] !== undefined || at <= updatedAt))
      this.remove(spec.name);
  }

  remove(app: string): void {
    if (!this.#noted.delete(app)) return;
    rmSync(this.#path(app), { force: true });
  }

  #path(app: string): string {
    return join(this.#directory, `${app}.json`);
  }

  /** Nothing where there is no note, or one that was cut off. */
  #read(app: string): Record<string, Hold> {
    try {
      return JSON.parse(readFileSync(this.#path(app), "utf8")) as Record<string, Hold>;
    } catch {
      return {};
    }
  }
}
