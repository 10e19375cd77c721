import type { Backend, LogLine, LogQuery } from "../../src/backend/backend.ts";
import type { AppSpec } from "../../src/domain/app.ts";
import type { Program } from "./programs.ts";

/** What a backend's tests bring to the contract: one harness for each test. */
export interface BackendHarness {
  /** True where instances are processes: pids, arguments, groups and output are real. */
  readonly real: boolean;
  /** Another velosd over the same supervisor and the same state. The one before it was closed. */
  makeBackend(): Backend;
  spec(name: string, program: Program, overrides?: Partial<AppSpec>): AppSpec;
  /** Makes the instance end by SIGKILL, behind the backend's back. */
  crash(backend: Backend, app: string, index: number): void;
  /** Ends what is left and removes what was made, whatever the test did. */
  cleanup(): Promise<void>;
}

/** The first lines that a query gives, then it is ended. Fails when they do not come within 10 s. */
export const takeLines = async (backend: Backend, query: LogQuery, count: number): Promise<LogLine[]> => {
  const control = new AbortController();
  const lines: LogLine[] = [];
  const timer = setTimeout(() => control.abort(), 10_000);
  try {
    for await (const line of backend.logs(query, control.signal)) {
      lines.push(line);
      if (lines.length === count) break;
    }
  } finally {
    clearTimeout(timer);
    control.abort();
  }
  if (lines.length < count) throw new Error(`${lines.length} of ${count} lines came: ${JSON.stringify(lines)}`);
  return lines;
};

/** The messages that an instance prints first. */
export const firstMessages = async (backend: Backend, app: string, count: number, index = 0): Promise<string[]> =>
  (await takeLines(backend, { app, index, lines: 1000, follow: true }, count)).map((line) => line.message);

/** True while the process runs; a zombie does not. */
export const isRunning = async (pid: number): Promise<boolean> => {
  const { startTimeOf } = await import("../../src/backend/spawn/process-table.ts");
  return startTimeOf(pid) !== undefined;
};
