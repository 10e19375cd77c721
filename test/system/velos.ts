import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";

/** What a command did. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program; never rejects. */
export const run = async (program: string, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
      resolve({ code, stdout, stderr });
    });
  });

/** Runs a program that must succeed; what it printed. */
export const must = async (program: string, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(program, ...args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} exited with ${code}: ${stderr}`);
  return stdout.trim();
};

const cli = "/src/dist/velos.cjs";

/** velos as root, in the system scope. */
export const velos = async (...args: string[]): Promise<Outcome> => run(process.execPath, cli, ...args);

/** A program of velos as the ordinary user of the container, in that user's scope. */
export const runAsTester = async (program: string, ...args: string[]): Promise<Outcome> =>
  run(
    "runuser",
    "-u",
    "tester",
    "--",
    "env",
    "HOME=/home/tester",
    "XDG_RUNTIME_DIR=/run/user/1000",
    process.execPath,
    program,
    ...args,
  );

export const velosAsTester = async (...args: string[]): Promise<Outcome> => runAsTester(cli, ...args);

export interface Row {
  name: string;
  status: string;
  pid?: number;
  restarts: number;
  unit?: string;
}

/** The rows of `velos list --json`. */
export const rows = async (by = velos): Promise<Row[]> => {
  const { stdout } = await by("list", "--json");
  return (JSON.parse(stdout) as { apps: { processes: Row[] }[] }).apps.flatMap(({ processes }) => processes);
};

/** The environment of a process. */
export const environmentOf = async (pid: number): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await readFile(`/proc/${pid}/environ`, "utf8"))
      .split("\0")
      .filter(Boolean)
      .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
