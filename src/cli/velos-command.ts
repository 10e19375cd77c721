import type { BaseContext } from "clipanion";
import { Command, Option } from "clipanion";
import { selectBackend } from "../backend/select.ts";
import type { Connection } from "../client/connection.ts";
import { connectDaemon } from "../client/connect.ts";
import type { Paths, Scope } from "../config/paths.ts";
import { resolvePaths } from "../config/paths.ts";
import { lastWords } from "./last-words.ts";
import { VelosError } from "../domain/errors.ts";
import type { Style } from "./render/style.ts";
import { createStyle } from "./render/style.ts";
import { DEFAULT_WIDTH } from "./render/table.ts";
import type { Terminal } from "./terminal.ts";

export interface VelosContext extends BaseContext {
  terminal: Terminal;
  /** The words behind `--`. */
  behindDashes: readonly string[];
  /** The server that velosd is asked on, through ssh; undefined: this one. */
  host: string | undefined;
}

/** What all commands share: scope, backend, output. */
export abstract class VelosCommand extends Command<VelosContext> {
  /** What the words are that may stand in any number, or not at all: for help. */
  static rest: string | undefined = undefined;

  json = Option.Boolean("--json", false, { description: "answer as JSON" });
  system = Option.Boolean("--system", false, { description: "root's service manager (default for root)" });
  user = Option.Boolean("--user", false, { description: "your own service manager (default for everyone else)" });
  backend = Option.String("--backend", { description: "systemd, launchd or spawn, should velosd have to be started" });
  /** For help and completions: it is taken out of the words before they are parsed, see remote.ts. */
  host?: string | undefined = Option.String("--host", { description: "velosd of another server, through ssh" });

  protected get terminal(): Terminal {
    return this.context.terminal;
  }

  protected get scope(): Scope {
    if (this.system && this.user)
      throw new VelosError("USAGE", { why: "--system and --user exclude each other", hint: "choose one" });
    if (this.system) return "system";
    if (this.user) return "user";
    return this.terminal.getuid?.() === 0 ? "system" : "user";
  }

  protected get places(): Paths {
    const paths = resolvePaths(this.scope, this.terminal.env);
    const { host } = this.context;
    if (host === undefined) return paths;
    // The scope there is for the user there to have, unless it is said.
    const flags = [
      ...(this.system ? ["--system"] : []),
      ...(this.user ? ["--user"] : []),
      ...(this.backend === undefined ? [] : [`--backend=${this.backend}`]),
    ];
    return { ...paths, remote: { destination: host, flags } };
  }

  /** Whether systemd is what runs apps here, or would. */
  protected get runsBySystemd(): boolean {
    return selectBackend(this.backend, this.places, this.terminal.env).name === "systemd";
  }

  /** Characters in a line of the output. */
  protected get width(): number {
    return this.terminal.stdout.columns || DEFAULT_WIDTH;
  }

  protected get style(): Style {
    return createStyle(this.terminal);
  }

  protected async connect(start = true): Promise<Connection> {
    return connectDaemon({
      paths: this.places,
      backend: this.backend,
      env: this.terminal.env,
      start,
      note: (text) => this.note(text),
    });
  }

  /** Runs with a connection that is closed afterwards. */
  protected async withDaemon<T>(use: (daemon: Connection) => Promise<T>, start = true): Promise<T> {
    const daemon = await this.connect(start);
    try {
      return await use(daemon);
    } catch (error) {
      if (error instanceof VelosError && !this.json) {
        for (const line of await lastWords(daemon, error, this.style)) this.terminal.stderr.write(`${line}\n`);
      }
      throw error;
    } finally {
      daemon.close();
    }
  }

  protected print(text: string): void {
    this.terminal.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  }

  protected printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  /** A line for the person, not for the pipe. */
  protected note(text: string): void {
    this.terminal.stderr.write(`velos: ${text}\n`);
  }
}
