import { spawn } from "@lydell/node-pty";
import type { IPty } from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { until } from "./until.ts";
import { velosProgram } from "./velos.ts";

/** The CLI in a terminal of its own, of which a test sees what a person would see. */
export class Pty {
  readonly #pty: IPty;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  /** The exit code, once it has ended. */
  exitCode: number | undefined;
  /** Everything that was written. */
  raw = "";

  constructor(
    args: readonly string[],
    { env, cwd, columns = 100, rows = 30 }: { env: NodeJS.ProcessEnv; cwd: string; columns?: number; rows?: number },
  ) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#pty = spawn(process.execPath, ["--", velosProgram, "--user", ...args], {
      name: "xterm-256color",
      cols: columns,
      rows,
      cwd,
      env,
    });
    this.#pty.onData((data) => {
      this.raw += data;
      this.#terminal.write(data);
    });
    this.#pty.onExit(({ exitCode }) => (this.exitCode = exitCode));
  }

  /** The screen, line by line. */
  get lines(): string[] {
    const buffer = this.#terminal.buffer.active;
    return Array.from({ length: this.#terminal.rows }, (_, at) =>
      buffer.getLine(buffer.viewportY + at)!.translateToString(true),
    );
  }

  get text(): string {
    return this.lines.join("\n");
  }

  /** True while the program draws on the terminal's other screen. */
  get onOtherScreen(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  /** Waits until the screen is as the pattern says; the error shows the screen. */
  async shows(pattern: RegExp): Promise<void> {
    await until(`the screen shows ${pattern}`, () => pattern.test(this.text)).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.text}\n(exit code ${this.exitCode})`);
    });
  }

  async ended(): Promise<number> {
    // 0 is an exit code too.
    await until("it has ended", () => this.exitCode !== undefined);
    return this.exitCode!;
  }

  /** Ends it if it has not ended by itself. */
  kill(): void {
    if (this.exitCode === undefined) this.#pty.kill("SIGKILL");
    this.#terminal.dispose();
  }
}
