/** Lets one at a time at a log's files: whoever reads must not see a rotation half done. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#last.then(work).finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
