import type { Terminal } from "./terminal.ts";

/** Ctrl-C came, or another signal that ends a command. `note` says what goes on without it. */
export class Interrupted extends Error {
  readonly exitCode: number;
  readonly note: string | undefined;

  constructor(exitCode: number, note?: string) {
    super(note ?? "interrupted");
    this.exitCode = exitCode;
    this.note = note;
  }
}

/** Waits for the work, but no longer than until Ctrl-C. */
export const unlessInterrupted = async <T>(terminal: Terminal, work: Promise<T>, note?: () => string): Promise<T> => {
  let off = (): void => {};
  const interrupted = new Promise<never>((_, reject) => {
    off = terminal.onInterrupt?.((exitCode) => reject(new Interrupted(exitCode, note?.()))) ?? off;
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    off();
  }
};
