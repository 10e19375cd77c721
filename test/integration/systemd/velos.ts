import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const dist = (file: string): string => fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));

/** The programs as they are built. */
export const velosProgram = dist("velos.cjs");
export const velosdProgram = dist("velosd.cjs");

/** How a run of the CLI ended. */
export interface Outcome {
  args: readonly string[];
  code: number | null;
  stdout: string;
  stderr: string;
  /** From the start of the process to its end. */
  tookMs: number;
}

export interface RunOptions {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Runs as this user and group. */
  uid?: number;
  /** Another copy of the program, for a user who cannot read this one. */
  program?: string;
}

/** A CLI that hangs is a failure, not a test that never ends. */
const TIMEOUT_MS = 30_000;

/** Runs the built CLI as its first line asks for, in the user scope; resolves however it ends. */
export const runVelos = async (args: readonly string[], options: RunOptions): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(process.execPath, ["--", options.program ?? velosProgram, "--user", ...args], {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
    });
    const text = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text.stderr += chunk));
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(
        new Error(`velos ${args.join(" ")} did not end within ${TIMEOUT_MS / 1000} s\n${text.stdout}${text.stderr}`),
      );
    }, TIMEOUT_MS);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ args, code, ...text, tookMs: performance.now() - began });
    });
  });

/** The outcome of a command that must succeed. */
export const succeeded = (outcome: Outcome): Outcome => {
  if (outcome.code === 0) return outcome;
  throw new Error(`velos ${outcome.args.join(" ")} ended with ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
};
