import type { AppSpec } from "../../src/domain/app.ts";
import { rolloutDefaults, specDefaults } from "../../src/domain/app.ts";

/** What an instance does in a contract test. Backends with processes run it as a script of the shell, see `shellScript`. */
export type Program =
  /** Runs until it is signalled. */
  | { does: "run" }
  /** Runs, and ignores SIGTERM. */
  | { does: "ignore-sigterm" }
  /** Ends at once. */
  | { does: "exit"; code: number }
  /** Writes lines to its output, and runs. */
  | { does: "print"; lines: string[] }
  /** Says that it is ready, and runs. */
  | { does: "get-ready" }
  /** Prints `got SIGHUP` at each one. */
  | { does: "print-sighup" }
  /** Prints `child <pid>`, a process that ignores SIGTERM, and runs. */
  | { does: "fork" };

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Stays until it is signalled, in one process. */
const STAY = "exec sleep 1000";

/**
 * The program as a script for /bin/sh.
 * @param sayReady shell command by which a program says that it is ready
 */
export const shellScript = (program: Program, sayReady: string): string => {
  switch (program.does) {
    case "run":
      return STAY;
    case "ignore-sigterm":
      return `trap '' TERM; ${STAY}`;
    case "exit":
      return `exit ${program.code}`;
    case "print":
      return `printf '%s\\n' ${program.lines.map(quote).join(" ")}; ${STAY}`;
    case "get-ready":
      return `${sayReady}; ${STAY}`;
    case "print-sighup":
      return `trap 'echo got SIGHUP' HUP; echo listening; while :; do sleep 1000 & wait $!; done`;
    case "fork":
      return `(trap '' TERM; ${STAY}) & echo "child $!"; wait`;
  }
};

/** A spec with everything at its default, for a program given as it is executed. */
export const makeSpec = (name: string, command: readonly string[], overrides: Partial<AppSpec> = {}): AppSpec => ({
  name,
  program: command[0] ?? "",
  args: command.slice(1),
  cwd: "/",
  env: { PATH: "/usr/bin:/bin" },
  secretEnv: {},
  ...specDefaults,
  stopExitCodes: [],
  listen: [],
  watch: [],
  watchIgnore: [],
  rollout: { ...rolloutDefaults },
  systemd: {},
  ...overrides,
});
