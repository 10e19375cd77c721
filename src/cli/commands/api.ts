import { resolve } from "node:path";
import { Command, Option } from "clipanion";
import { VelosError } from "../../domain/errors.ts";
import { readPort } from "../read-port.ts";
import { serveApiUntilEnded } from "../serve-api.ts";
import { VelosCommand } from "../velos-command.ts";

export class ApiCommand extends VelosCommand {
  static override paths = [["api"]];
  static override usage = Command.Usage({
    description: "serve the REST API, the WebSocket and the dashboard",
    details: `
      Serves until it is ended: /api for programs, /ws for changes as they happen, / for people; /docs describes it.

      Without a token only programs of your own user on this machine may ask. api_token at the top of
      /etc/velos/velos.toml (a user's: ~/.config/velos/velos.toml) lets others in; every other address than this
      machine's own needs one. Without api_tls_cert and api_tls_key all of it travels unencrypted.
    `,
    examples: [
      ["http://127.0.0.1:3100", "velos api"],
      ["for other machines, with api_token, api_tls_cert and api_tls_key", "velos api --host 0.0.0.0 --port 443"],
      ["only for you", "velos api --socket ~/velos-api.sock"],
    ],
  });

  port = Option.String("--port", { description: "port to serve on (3100)" });
  override host = Option.String("--host", { description: "address to serve on (127.0.0.1)" });
  socket = Option.String("--socket", { description: "UNIX socket to serve on, instead" });

  override async execute(): Promise<number> {
    const where = this.#where();
    const { places, terminal, backend } = this;
    const report = (text: string): void => this.note(text);
    await serveApiUntilEnded({ terminal, places, backend, where, report }, ({ url }) => report(`API at ${url}`));
    return 0;
  }

  #where(): { host: string; port: number } | { socket: string } {
    if (this.socket === undefined) return { host: this.host ?? "127.0.0.1", port: readPort(this.port ?? "3100") };
    if (this.host === undefined && this.port === undefined) {
      return { socket: resolve(this.terminal.cwd(), this.socket) };
    }
    throw new VelosError("USAGE", {
      why: "--socket goes without --host and --port",
      hint: "start a second `velos api` to serve both",
    });
  }
}
