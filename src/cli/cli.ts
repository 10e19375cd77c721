import { run } from "./run.ts";
import type { Terminal } from "./terminal.ts";

const interrupts: ((exitCode: number) => void)[] = [];
const hangUps: (() => void)[] = [];

const terminal: Terminal = {
  // Streams are opened when they are asked for. (The bundler takes `process.stdin` out of what is loaded at the start.)
  get stdin() {
    const { stdin } = process;
    return stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  env: process.env,
  cwd: () => process.cwd(),
  ...(process.getuid && { getuid: process.getuid }),
  ...(process.getgid && { getgid: process.getgid }),
  execPath: process.execPath,
  onInterrupt: (listener) => {
    interrupts.push(listener);
    return () => void interrupts.splice(interrupts.indexOf(listener), 1);
  },
  onHangUp: (listener) => void hangUps.push(listener),
  onSignal: (signal, listener) => void process.on(signal, listener),
};

/** The whole program but its version: with the streams and signals of this process. */
export const main = async (): Promise<void> => {
  for (const [signal, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => {
      const listener = interrupts.at(-1);
      if (listener) listener(exitCode);
      else process.exit(exitCode);
    });
  }
  // `velos list | head -1`: the reader has what it wanted.
  const hangUp = (error: NodeJS.ErrnoException): void => {
    const listener = hangUps.at(-1);
    if (listener) listener();
    else process.exit(error.code === "EPIPE" ? 0 : 1);
  };
  process.stdout.on("error", hangUp);
  process.stderr.on("error", hangUp);
  process.exitCode = await run(process.argv.slice(2), terminal);
  // What was interrupted may still be waiting.
  if (process.exitCode >= 128) process.exit();
};
