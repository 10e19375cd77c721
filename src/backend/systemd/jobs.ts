/** How a job ended, in the manager's words: `done`, `failed`, `canceled`, `timeout`, `dependency`, `skipped`. */
export type JobResult = string;

/** Results that are remembered; far above the number of jobs that can be in flight. */
const REMEMBERED = 512;

/**
 * Matches jobs to their results. JobRemoved can be dispatched before the reply that names the job resumes its caller,
 * and several callers may be given one job (the manager merges a second stop into the first): so every wait for a path
 * is answered, and results are remembered for a while. The manager uses no number of a job twice.
 */
export class Jobs {
  #waiting = new Map<string, ((result: JobResult) => void)[]>();
  #ended = new Map<string, JobResult>();

  get pending(): number {
    return this.#waiting.size;
  }

  /** To be called for each JobRemoved. */
  removed(path: string, result: JobResult): void {
    for (const claim of this.#waiting.get(path) ?? []) claim(result);
    this.#waiting.delete(path);
    this.#ended.set(path, result);
    if (this.#ended.size > REMEMBERED) {
      const oldest = this.#ended.keys().next().value;
      if (oldest !== undefined) this.#ended.delete(oldest);
    }
  }

  /** The result of the job; `lost` when the connection broke before it was known. */
  async result(path: string): Promise<JobResult> {
    const known = this.#ended.get(path);
    if (known !== undefined) return known;
    return new Promise((resolve) => this.#waiting.set(path, [...(this.#waiting.get(path) ?? []), resolve]));
  }

  /** Ends every wait: after a lost connection no result will come, and another manager counts anew. */
  lose(): void {
    for (const claims of this.#waiting.values()) for (const claim of claims) claim("lost");
    this.#waiting.clear();
    this.#ended.clear();
  }
}
