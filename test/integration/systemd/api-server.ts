import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { freePort } from "./free-port.ts";
import type { Scene } from "./scene.ts";
import { until } from "./until.ts";
import { velosProgram } from "./velos.ts";

/** `velos api` of a scene, as a process of its own. */
export class ApiServer {
  readonly port: number;
  #child: ChildProcess | undefined;
  #said = "";
  readonly #scene: Scene;

  private constructor(scene: Scene, port: number) {
    this.#scene = scene;
    this.port = port;
  }

  /** Starts it on a free port; resolves when it serves. */
  static async start(scene: Scene): Promise<ApiServer> {
    const server = new ApiServer(scene, await freePort());
    await server.begin();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Starts it, again on the same port. */
  async begin(): Promise<void> {
    this.#said = "";
    const child = spawn(process.execPath, ["--", velosProgram, "--user", "api", "--port", String(this.port)], {
      cwd: this.#scene.directory,
      env: this.#scene.env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    await until("velos api serves", () => {
      if (child.exitCode !== null) throw new Error(`velos api ended with ${child.exitCode}\n${this.#said}`);
      return this.#said.includes("API at");
    });
  }

  /** Ends it at once; resolves when it has gone. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }
}
