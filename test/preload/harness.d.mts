export type Address = { host?: string; port?: number } | { path: string };

export interface Sockets {
  addresses: { host?: string; port: number; path: string }[];
  fds: number[];
}

export interface StartOptions {
  args: string[];
  sockets?: Sockets;
  ready?: string;
  env?: Record<string, string>;
  index?: number;
  preload?: boolean;
  nodeOptions?: string;
  command?: string;
}

export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Instance {
  index: number;
  pid: number;
  output: string;
  /** What came to its notification socket. */
  messages: string[];
  ready: Promise<void>;
  exited: Promise<End>;
  /** Resolves when the message has come to its notification socket. */
  told: (message: string) => Promise<void>;
  printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  kill: (signal?: NodeJS.Signals) => boolean;
}

export interface App {
  instances: Instance[];
  roll: () => Promise<(End & { tookMs: number })[]>;
}

export interface Harness {
  directory: string;
  preload: string;
  program: (code: string, extension?: string) => string;
  hold: (...addresses: Address[]) => Sockets;
  start: (options: StartOptions) => Instance;
  stop: (instance: Instance, timeoutMs?: number) => Promise<End & { tookMs: number }>;
  startApp: (options: StartOptions & { count: number }) => Promise<App>;
  clear: () => Promise<void>;
  close: () => Promise<void>;
}

export declare const fixture: (name: string) => string;
export declare const shippedPreload: () => string;
export declare const makeHarness: (options?: { node?: string }) => Harness;
