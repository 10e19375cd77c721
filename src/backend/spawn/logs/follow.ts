import type { FSWatcher } from "node:fs";
import { mkdirSync, watch } from "node:fs";
import { indexOfLog } from "./paths.ts";

/** Tells which logs in a directory have been written to, as the kernel announces it. */
export class LogWatch {
  readonly #watcher: FSWatcher;
  readonly #written = new Set<number>();
  #wake: () => void = () => undefined;
  readonly #signal: AbortSignal;

  /** Watches from now on, until `close`. */
  constructor(directory: string, signal: AbortSignal) {
    this.#signal = signal;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    this.#watcher = watch(directory, (_, name) => {
      const index = name === null ? undefined : indexOfLog(name);
      if (index !== undefined) this.add(index);
    });
    this.#watcher.on("error", () => undefined);
    signal.addEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#wake();

  /** Has a log looked at next time. */
  add(index: number): void {
    this.#written.add(index);
    this.#wake();
  }

  /** The logs written to since the last call, as soon as there are any; none: it was ended. */
  async next(): Promise<number[]> {
    while (this.#written.size === 0 && !this.#signal.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const written = this.#signal.aborted ? [] : [...this.#written].sort((a, b) => a - b);
    this.#written.clear();
    return written;
  }

  close(): void {
    this.#watcher.close();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}
