import type { Connection } from "../client/connection.ts";
import { lastWords } from "./last-words.ts";
import type { ErrorJson } from "./render/error.ts";
import { errorJson, printError } from "./render/error.ts";
import { createStyle } from "./render/style.ts";
import type { FailedApp } from "./start-apps.ts";
import type { Terminal } from "./terminal.ts";

/** The apps of a command that failed, each told at once; as JSON all at the end. */
export class Failures {
  /** That of the first; 0 when nothing failed. */
  exitCode = 0;
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #errors: ({ app: string } & ErrorJson)[] = [];

  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal;
    this.#json = json;
  }

  async add(daemon: Connection, { name, error }: FailedApp): Promise<void> {
    if (this.#errors.length === 0) this.exitCode = error.exitCode;
    this.#errors.push({ app: name, ...errorJson(error) });
    if (this.#json) return;
    for (const line of await lastWords(daemon, error, createStyle(this.#terminal)))
      this.#terminal.stderr.write(`${line}\n`);
    printError(error, this.#terminal, false, name);
  }

  /** What an answer says of them: nothing where there is none; the first also as the error of a command that failed. */
  toJson(): { error?: ErrorJson; errors?: ({ app: string } & ErrorJson)[] } {
    const [first] = this.#errors;
    if (first === undefined) return {};
    const { app: _, ...error } = first;
    return { error, errors: this.#errors };
  }
}
