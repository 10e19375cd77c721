import type { Result } from "../api/operations.ts";
import type { Connection } from "../client/connection.ts";
import { VelosError } from "../domain/errors.ts";
import { Interrupted } from "./interrupt.ts";
import { createStyle } from "./render/style.ts";
import { DEFAULT_WIDTH } from "./render/table.ts";
import { settledText } from "./settled.ts";
import type { Terminal } from "./terminal.ts";

const EVERY_MS = 1000;

interface WatchOptions {
  terminal: Terminal;
  json: boolean;
  /** `first`: velosd may be started; a watch that goes on must not start the one that somebody just ended. */
  connect: (first: boolean) => Promise<Connection>;
  look: (daemon: Connection) => Promise<Result<"list">>;
}

/**
 * `velos list --watch`: the table again every second, in place on a terminal, one below the other (with --json one a
 * line) elsewhere. Goes on when velosd goes and comes back. Ends with `q` or Ctrl-C.
 */
export const watchList = async ({ terminal, json, connect, look }: WatchOptions): Promise<number> => {
  let daemon: Connection | undefined = await connect(true);
  const inPlace = terminal.stdout.isTTY === true && !json;
  const screen = inPlace ? new WatchScreen(terminal) : undefined;
  const ended = endOf(terminal, inPlace, () => screen?.draw());
  try {
    for (;;) {
      let shown: Result<"list"> | undefined;
      let missing: string | undefined;
      try {
        daemon ??= await connect(false);
        shown = await look(daemon);
      } catch (error) {
        if (!(error instanceof VelosError) || error.code !== "DAEMON_UNREACHABLE") throw error;
        missing = error.message;
        daemon = undefined;
      }
      if (screen) screen.show(shown, missing);
      else if (shown && json) terminal.stdout.write(`${JSON.stringify(shown)}\n`);
      else if (shown) terminal.stdout.write(`${text(shown, terminal)}\n\n`);
      let timer: NodeJS.Timeout | undefined;
      const pause = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), EVERY_MS)));
      const how = await Promise.race([ended.promise, pause]);
      clearTimeout(timer);
      if (how === undefined) continue;
      if (how > 0) throw new Interrupted(how);
      return 0;
    }
  } finally {
    ended.off();
    screen?.leave();
    daemon?.close();
  }
};

const text = ({ apps, problems }: Result<"list">, terminal: Terminal): string =>
  [settledText(apps, createStyle(terminal), terminal.stdout.columns || DEFAULT_WIDTH), ...problems].join("\n");

/** The other screen of the terminal, which gives back what was there before. */
class WatchScreen {
  readonly #terminal: Terminal;
  #list: Result<"list"> | undefined;
  #missing: string | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    terminal.stdout.write("\u001b[?1049h\u001b[?25l");
  }

  show(list: Result<"list"> | undefined, missing: string | undefined): void {
    this.#list = list ?? this.#list;
    this.#missing = missing;
    this.draw();
  }

  draw(): void {
    const { stdout } = this.#terminal;
    const style = createStyle(this.#terminal);
    const height = Math.max(3, stdout.rows || 24);
    const lines = this.#list ? text(this.#list, this.#terminal).split("\n") : [];
    const room = height - 2;
    const cut =
      lines.length > room ? [...lines.slice(0, room - 1), style.dim(`… ${lines.length - room + 1} more lines`)] : lines;
    const foot = this.#missing === undefined ? style.dim("q ends this; apps go on") : style.yellow(this.#missing);
    const drawn = [...cut, ...Array<string>(room - cut.length).fill(""), "", foot];
    stdout.write(`\u001b[H${drawn.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`);
  }

  leave(): void {
    this.#terminal.stdout.write("\u001b[?25h\u001b[?1049l");
  }
}

/** Resolves to 0 for `q`, or to the exit code of an interrupt. Keys are read only where a screen is drawn. */
const endOf = (
  terminal: Terminal,
  keys: boolean,
  resized: () => void,
): { promise: Promise<number>; off: () => void } => {
  const { stdin, stdout } = terminal;
  const raw = keys && stdin.isTTY === true && stdin.setRawMode !== undefined;
  let end!: (exitCode: number) => void;
  const promise = new Promise<number>((resolve) => (end = resolve));
  const offInterrupt = terminal.onInterrupt?.(end) ?? (() => {});
  const onKey = (data: Buffer | string): void => {
    const typed = data.toString();
    if (typed.includes("\u0003")) end(130);
    else if (/[qQ\u0004\u001b]$/.test(typed)) end(0);
  };
  if (keys) stdout.on("resize", resized);
  if (raw) {
    stdin.setRawMode?.(true);
    stdin.on("data", onKey);
    stdin.resume();
  }
  const off = (): void => {
    offInterrupt();
    stdout.off("resize", resized);
    if (!raw) return;
    stdin.off("data", onKey);
    stdin.setRawMode?.(false);
    stdin.pause();
  };
  return { promise, off };
};
