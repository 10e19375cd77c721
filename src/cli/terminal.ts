/** Everything a command touches of the outside, so that the whole CLI can run inside a test. */
export interface Terminal {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?: (on: boolean) => unknown };
  stdout: Screen;
  stderr: Screen;
  env: Readonly<Record<string, string | undefined>>;
  cwd: () => string;
  getuid?: () => number;
  getgid?: () => number;
  execPath: string;
  /** Calls the listener, instead of ending, when Ctrl-C or the like comes; of several the last. Returns its end. */
  onInterrupt?: (listener: (exitCode: number) => void) => () => void;
  /** Calls the listener, instead of ending, when nobody reads the output any more. */
  onHangUp?: (listener: () => void) => void;
  /** Calls the listener when this other signal comes, instead of what it does otherwise. */
  onSignal?: (signal: "SIGHUP" | "SIGQUIT" | "SIGUSR1" | "SIGUSR2", listener: () => void) => void;
}

export type Screen = NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
