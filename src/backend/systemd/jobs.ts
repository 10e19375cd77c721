/** How a job ended, in the manager's words: `done`, `failed`, `canceled`, `timeout`, `dependency`, `skipped`. */
export type JobResult = string;

/** Results kept for jobs nobody has asked about yet; far above what can be in flight. */
const UNCLAIMED_LIMIT = 512;

/**
 * Matches jobs to their results. JobRemoved can be dispatched before the reply that names the job resumes its caller,
 * so results that nobody waits for yet are kept for a while.
 */
export class Jobs {
  #waiting = new Map<string, (result: JobResult) => void>();
  #unclaimed = new Map<string, JobResult>();

  get pending(): number {
    return this.#waiting.size;
  }

  /** To be called for each JobRemoved. */
  removed(path: string, result: JobResult): void {
    const claim = this.#waiting.get(path);
    if (claim) {
      this.#waiting.delete(path);
      claim(result);
      return;
    }
    this.#unclaimed.set(path, result);
    if (this.#unclaimed.size > UNCLAIMED_LIMIT) {
      const oldest = this.#unclaimed.keys().next().value;
      if (oldest !== undefined) this.#unclaimed.delete(oldest);
    }
  }

  /** The result of the job; `lost` when the connection broke before it was known. */
  async result(path: string): Promise<JobResult> {
    const known = this.#unclaimed.get(path);
    if (known !== undefined) {
      this.#unclaimed.delete(path);
      return known;
    }
    return new Promise((resolve) => this.#waiting.set(path, resolve));
  }

  /** Ends every wait: after a lost connection no result will come. */
  lose(): void {
    for (const claim of this.#waiting.values()) claim("lost");
    this.#waiting.clear();
    this.#unclaimed.clear();
  }
}
