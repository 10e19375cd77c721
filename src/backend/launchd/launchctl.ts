import { execFile } from "node:child_process";
import { failed } from "./failed.ts";
import type { PrintedJob } from "./printed-job.ts";
import { parsePrintedJob } from "./printed-job.ts";

/** So many launchctls run at a time: each is a process, and launchd answers them one after the other. */
const AT_A_TIME = 6;
/** Each takes milliseconds. One that takes this long waits for something that will not happen. */
const PATIENCE_MS = 30_000;

/** Exit codes of launchctl, as `launchctl error <code>` explains them. */
export const codes = {
  /** Boot-out failed: 3: No such process: there is no such job. */
  noProcess: 3,
  /** Bootstrap failed: 5: Input/output error: there is one of that name, or its file cannot be used. */
  io: 5,
  /** Boot-out failed: 36: Operation now in progress. */
  inProgress: 36,
  /** Bootstrap failed: 37: Operation already in progress: one of that name is there, or is just being removed. */
  alreadyInProgress: 37,
  /** Could not find domain for … */
  noDomain: 112,
  /** Could not find service "…" in domain for … */
  noService: 113,
  /** Bootstrap failed: 119: Service is disabled. */
  disabled: 119,
  /** Domain does not support specified action. */
  unsupported: 125,
} as const;

/** launchctl said no. */
export class LaunchctlRefused extends Error {
  readonly code: number;

  constructor(command: string, code: number, words: string) {
    super(`launchctl ${command}: ${words || `exit code ${code}`}`);
    this.code = code;
  }
}

/**
 * launchd, by way of launchctl(1): there is no other way in that is documented. The only file that runs it.
 * launchctl says of its own output that it is no API, so no more of it is relied on than `parsePrintedJob` reads.
 */
export class Launchctl {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** True where there is such a domain: `gui/501` is there while that user is logged in at the screen. */
  async hasDomain(domain: string): Promise<boolean> {
    return this.#unless([codes.noDomain, codes.noService, codes.unsupported], "print", domain).then(
      (text) => text !== undefined,
    );
  }

  /** Makes a job known. @throws LaunchctlRefused */
  async bootstrap(domain: string, plist: string): Promise<void> {
    await this.#run("bootstrap", domain, plist);
  }

  /**
   * Has a job removed, and its process ended if it has one. launchd answers before that is done.
   * @returns false when there was none
   */
  async bootout(target: string): Promise<boolean> {
    const none = [codes.noProcess, codes.noService, codes.noDomain];
    const text = await this.#unless(none, "bootout", target).catch(async (error: unknown) => {
      const code = error instanceof LaunchctlRefused ? error.code : undefined;
      if (code === codes.inProgress || code === codes.alreadyInProgress) return "";
      // Older ones say this of a job that is not there.
      if (code === codes.io && (await this.print(target)) === undefined) return undefined;
      throw error;
    });
    return text !== undefined;
  }

  /** Starts a job's process, whatever its conditions say; returns its pid. @throws LaunchctlRefused */
  async kickstart(target: string): Promise<number> {
    const text = await this.#run("kickstart", "-p", target);
    // The number alone into a pipe, a sentence that ends with it on a terminal.
    const pid = Number(/(\d+)\s*$/.exec(text)?.[1]);
    if (!Number.isSafeInteger(pid) || pid <= 1) throw failed(`launchctl kickstart -p ${target} told no pid: ${text}`);
    return pid;
  }

  /** What launchd knows of a job; undefined when there is none. */
  async print(target: string): Promise<PrintedJob | undefined> {
    const text = await this.#unless([codes.noService, codes.noDomain], "print", target);
    return text === undefined ? undefined : parsePrintedJob(text);
  }

  /** Takes back a `launchctl disable`, which outlives boots and the job's file. */
  async enable(target: string): Promise<void> {
    await this.#run("enable", target);
  }

  /** What it said; undefined when it refused with one of the codes. */
  async #unless(none: readonly number[], ...words: string[]): Promise<string | undefined> {
    return this.#run(...words).catch((error: unknown) => {
      if (error instanceof LaunchctlRefused && none.includes(error.code)) return undefined;
      throw error;
    });
  }

  async #run(...words: string[]): Promise<string> {
    if (this.#running >= AT_A_TIME) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await run(words);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

const run = (words: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { timeout: PATIENCE_MS, killSignal: "SIGKILL", encoding: "utf8" } as const;
    execFile("launchctl", words, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.killed) {
        return reject(failed(`launchctl ${words.join(" ")} did not answer within ${PATIENCE_MS / 1000} s`));
      }
      if (typeof error.code === "number") {
        const said = stderr.trim().split("\n").join("; ");
        return reject(new LaunchctlRefused(words.join(" "), error.code, said));
      }
      const hint = "launchd is there on macOS only; elsewhere choose --backend systemd or spawn";
      reject(failed(`launchctl cannot be run: ${error.message}`, hint, error));
    });
  });
