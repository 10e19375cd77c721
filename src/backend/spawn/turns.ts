/**
 * Lets callers through one after the other, each in its own turn of the event loop. Node's spawn blocks until the
 * program is executed (1 to 5 ms), so several cannot run at a time anyway; what has to be bounded is how long velosd
 * answers nobody, when 500 instances are started at once.
 */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  next(): Promise<void> {
    const turn = this.#last.then(() => new Promise<void>((resolve) => setImmediate(resolve)));
    this.#last = turn;
    return turn;
  }
}
