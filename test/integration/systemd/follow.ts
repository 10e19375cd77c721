import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Scene } from "./scene.ts";
import { until } from "./until.ts";
import { velosProgram } from "./velos.ts";

/** A `velos` that goes on writing, such as `velos logs -f`. */
export class Follower {
  text = "";
  readonly #child: ChildProcessByStdio<null, Readable, null>;

  constructor(scene: Scene, ...args: string[]) {
    this.#child = spawn(process.execPath, ["--", velosProgram, "--user", ...args], {
      cwd: scene.directory,
      env: scene.env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (chunk: string) => (this.text += chunk));
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  async sees(pattern: RegExp): Promise<void> {
    await until(`${String(pattern)} in\n${this.text}`, () => pattern.test(this.text));
  }

  /** Ends it as Ctrl-C does; resolves to its exit code, or the signal's name. */
  async end(): Promise<number | string> {
    return new Promise((resolve) => {
      this.#child.once("close", (code, signal) => resolve(code ?? signal ?? "?"));
      this.#child.kill("SIGINT");
    });
  }
}
