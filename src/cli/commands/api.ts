import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, Option } from "clipanion";
import { VelosError } from "../../domain/errors.ts";
import { version } from "../../domain/version.ts";
import { resolveContext } from "../resolve-context.ts";
import { VelosCommand } from "../velos-command.ts";

export class ApiCommand extends VelosCommand {
  static override paths = [["api"]];
  static override usage = Command.Usage({
    description: "serve the REST API, the WebSocket and the dashboard",
    details: `
      Serves until it is ended: /api for programs, /ws for changes as they happen, / for people; /docs describes it.

      Without a token only programs of your own user on this machine may ask. api_token in velos.toml lets others in;
      every other address than this machine's own needs one.
    `,
    examples: [
      ["http://127.0.0.1:3100", "velos api"],
      ["for other machines, with api_token in velos.toml", "velos api --host 0.0.0.0 --port 443"],
      ["only for you", "velos api --socket ~/velos-api.sock"],
    ],
  });

  port = Option.String("--port", { description: "port to serve on (3100)" });
  host = Option.String("--host", { description: "address to serve on (127.0.0.1)" });
  socket = Option.String("--socket", { description: "UNIX socket to serve on, instead" });

  override async execute(): Promise<number> {
    const where = this.#where();
    const { places: paths, terminal } = this;
    // A bundle of its own: no other command reads it.
    const { serveApi } = await import("../../http/main.ts");
    const ended = new Promise<void>((resolve) => void terminal.onInterrupt?.(() => resolve()));
    const api = await serveApi({
      paths,
      env: terminal.env,
      backend: this.backend,
      version,
      resolve: await resolveContext(terminal, paths.scope, undefined),
      cwd: terminal.cwd(),
      uid: terminal.getuid?.() ?? 0,
      where,
      ...pageIn("dashboard"),
      ...pageIn("docs"),
      report: (text) => this.note(text),
    });
    this.note(`API at ${api.url}`);
    await ended;
    await api.close();
    return 0;
  }

  #where(): { host: string; port: number } | { socket: string } {
    if (this.socket === undefined) return { host: this.host ?? "127.0.0.1", port: this.#port() };
    if (this.host === undefined && this.port === undefined) {
      return { socket: resolve(this.terminal.cwd(), this.socket) };
    }
    throw new VelosError("USAGE", {
      why: "--socket goes without --host and --port",
      hint: "start a second `velos api` to serve both",
    });
  }

  #port(): number {
    const port = Number(this.port ?? 3100);
    if (/^\d+$/.test(this.port ?? "3100") && port <= 65_535) return port;
    throw new VelosError("USAGE", {
      why: `--port: '${this.port}' is not a port`,
      hint: "a number from 1 to 65535; 0 takes one that is free",
    });
  }
}

/** A page that was built beside this program; none where it runs from its source. */
const pageIn = (name: "dashboard" | "docs"): { [K in typeof name]?: string } => {
  const directory = join(__dirname, name);
  return existsSync(join(directory, "index.html")) ? { [name]: directory } : {};
};
