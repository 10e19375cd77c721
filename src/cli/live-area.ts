import type { Screen } from "./terminal.ts";

/** Lines at the bottom of a terminal that are drawn again in place, and leave nothing behind. */
export class LiveArea {
  readonly #screen: Screen;
  #height = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Lines that may be drawn without scrolling. */
  get room(): number {
    return Math.max(1, Math.min(16, (this.#screen.rows ?? 24) - 2));
  }

  draw(lines: readonly string[]): void {
    this.#screen.write(`${this.#home()}${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
    this.#height = lines.length;
  }

  clear(): void {
    if (this.#height > 0) this.#screen.write(`${this.#home()}\u001b[J`);
    this.#height = 0;
  }

  #home(): string {
    return this.#height > 0 ? `\u001b[${this.#height}A\r` : "";
  }
}
