import { rmSync } from "node:fs";
import type { LogLine, LogQuery } from "../../backend.ts";
import { LogFile } from "./log-file.ts";
import { queryLogs } from "./log-query.ts";
import { logDirectory, logPath } from "./paths.ts";
import { rotate } from "./rotate.ts";

/** Something that writes a log now. */
export interface LogWriter {
  app: string;
  index: number;
  spec: { logMaxBytes: number; logKeep: number };
}

/** How often the logs are looked at: while one of them grows, and while none does. */
const BUSY_MS = 250;
const QUIET_MS = 1000;
/** Where rotating may lose what is written at that moment, a pause of the writer is waited for up to this many times the size. */
const PATIENCE = 2;
/** The wait after a rotation that failed, such as on a full disk. */
const RETRY_MS = 10_000;

/** The logs of all instances: rotates them, notes when they were written, and reads them. */
export class LogStore {
  readonly #stateDir: string;
  readonly #now: () => number;
  readonly #files = new Map<string, LogFile>();
  /** Ends the queries of an app, whose logs may be dropped under them. */
  readonly #readers = new Map<string, Set<AbortController>>();
  #timer: NodeJS.Timeout | undefined;
  #writers: () => LogWriter[] = () => [];

  constructor(stateDir: string, now: () => number) {
    this.#stateDir = stateDir;
    this.#now = now;
  }

  pathOf(app: string, index: number): string {
    return logPath(this.#stateDir, app, index);
  }

  /** Looks after the logs that are written, until there are none. */
  tend(writers: () => LogWriter[]): void {
    this.#writers = writers;
    this.#timer ??= this.#schedule(QUIET_MS);
  }

  async *read(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
    const control = new AbortController();
    const readers = this.#readers.get(query.app) ?? new Set();
    this.#readers.set(query.app, readers.add(control));
    const directory = logDirectory(this.#stateDir, query.app);
    const source = { directory, file: (index: number) => this.#file(query.app, index), now: this.#now };
    try {
      yield* queryLogs(source, query, AbortSignal.any([signal, control.signal]));
    } finally {
      readers.delete(control);
      if (readers.size === 0) this.#readers.delete(query.app);
    }
  }

  /** Removes the app's logs; whoever follows them has reached the end. */
  drop(app: string): void {
    for (const control of this.#readers.get(app) ?? []) control.abort();
    for (const key of this.#files.keys()) if (key.startsWith(`${app}:`)) this.#files.delete(key);
    rmSync(logDirectory(this.#stateDir, app), { recursive: true, force: true });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writers = () => [];
    for (const readers of this.#readers.values()) for (const control of readers) control.abort();
  }

  #file(app: string, index: number): LogFile {
    const key = `${app}:${index}`;
    const file = this.#files.get(key) ?? new LogFile(this.pathOf(app, index), this.#now);
    this.#files.set(key, file);
    return file;
  }

  #schedule(afterMs: number): NodeJS.Timeout | undefined {
    return this.#writers().length === 0 ? undefined : setTimeout(() => this.#look(), afterMs).unref();
  }

  #look(): void {
    let hasGrown = false;
    for (const { app, index, spec } of this.#writers()) {
      try {
        const file = this.#file(app, index);
        const grows = file.look();
        hasGrown ||= grows;
        if (spec.logMaxBytes <= 0 || file.size < spec.logMaxBytes) continue;
        const mayWait = !file.canCollapse && grows && file.size < PATIENCE * spec.logMaxBytes;
        if (!mayWait) this.#rotate(file, spec.logKeep);
      } catch {
        // No descriptor is left, or the disk fails: it is looked at again, and nothing that runs depends on it.
      }
    }
    this.#timer = this.#schedule(hasGrown ? BUSY_MS : QUIET_MS);
  }

  #rotate(file: LogFile, keep: number): void {
    if (file.mutex.isBusy || file.retryAt > this.#now()) return;
    rotate(file, keep).catch(() => {
      file.retryAt = this.#now() + RETRY_MS;
    });
  }
}
