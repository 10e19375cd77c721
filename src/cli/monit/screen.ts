import type { Screen as Output } from "../terminal.ts";
import type { Size } from "./draw.ts";

/** Changes that come together are drawn together. */
const PAUSE_MS = 40;

const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";

/** The other screen of the terminal, which gives back what was there before. Only lines that changed are written. */
export class Screen {
  readonly #output: Output;
  readonly #draw: (size: Size) => string[];
  #shown: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isBlocked = false;
  readonly #resized = (): void => {
    this.#shown = [];
    this.changed();
  };

  constructor(output: Output, draw: (size: Size) => string[]) {
    this.#output = output;
    this.#draw = draw;
  }

  enter(): void {
    this.#output.write(ENTER);
    this.#output.on("resize", this.#resized);
    this.#write();
  }

  leave(): void {
    clearTimeout(this.#timer);
    this.#output.off("resize", this.#resized);
    this.#output.write(LEAVE);
  }

  /** Draws it again, soon. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // A terminal that does not take what it was given is given less, not more.
      if (!this.#isBlocked) this.#write();
    }, PAUSE_MS);
  }

  #write(): void {
    const lines = this.#draw({ columns: this.#output.columns || 80, rows: this.#output.rows || 24 });
    const changed = lines.flatMap((line, at) =>
      line === this.#shown[at] ? [] : [`\u001b[${at + 1};1H${line}\u001b[K`],
    );
    const all = this.#shown.length === 0 ? ["\u001b[2J", ...changed] : changed;
    this.#shown = lines;
    if (all.length === 0) return;
    // A terminal that knows it shows all of it at once.
    if (this.#output.write(`\u001b[?2026h${all.join("")}\u001b[?2026l`)) return;
    this.#isBlocked = true;
    this.#output.once("drain", () => {
      this.#isBlocked = false;
      this.changed();
    });
  }
}
