import { Command, Option } from "clipanion";
import type { Readable, Writable } from "node:stream";
import { VelosError } from "../../domain/errors.ts";
import { version } from "../../domain/version.ts";
import { resolveContext } from "../resolve-context.ts";
import { readPort } from "../read-port.ts";
import { serveApiUntilEnded } from "../serve-api.ts";
import { VelosCommand } from "../velos-command.ts";

export class McpCommand extends VelosCommand {
  static override paths = [["mcp"]];
  static override usage = Command.Usage({
    description: "serve agents over the Model Context Protocol",
    details: `
      Speaks the protocol on the standard input and output until the input ends: programs that work with agents start it
      themselves. Its tools are what velos can do, with secrets masked; with --read-only only those that change nothing.

      With --http it serves what \`velos api\` serves, which has the protocol at /mcp, for whoever may ask there.
    `,
    examples: [
      ["what to enter in an agent's settings as the command", "velos mcp"],
      ["for an agent that may only look", "velos mcp --read-only"],
      ["http://127.0.0.1:3100/mcp", "velos mcp --http"],
    ],
  });

  readOnly = Option.Boolean("--read-only", false, { description: "only tools that change nothing" });

  http = Option.Boolean("--http", false, { description: "serve over HTTP, with the API" });
  port = Option.String("--port", { description: "port to serve on with --http (3100)" });
  override host = Option.String("--host", { description: "address to serve on with --http (127.0.0.1)" });

  override async execute(): Promise<number> {
    if (this.http) return this.#serveHttp();
    const flag = this.port !== undefined ? "--port" : this.host !== undefined ? "--host" : undefined;
    if (flag !== undefined) throw new VelosError("USAGE", { why: `${flag} goes with --http`, hint: "add --http" });
    return this.#serveStdio();
  }

  async #serveHttp(): Promise<number> {
    const where = { host: this.host ?? "127.0.0.1", port: readPort(this.port ?? "3100") };
    const { terminal, places, backend, readOnly: readOnlyTools } = this;
    const report = (text: string): void => this.note(text);
    await serveApiUntilEnded({ terminal, places, backend, where, readOnlyTools, report }, ({ url }) =>
      report(`tools for agents at ${url}/mcp`),
    );
    return 0;
  }

  async #serveStdio(): Promise<number> {
    // A bundle of its own: no other command reads it.
    const { serveStdio } = await import("../../mcp/main.ts");
    const { terminal, readOnly, scope, runsBySystemd: isForSystemd } = this;
    const interrupted = new AbortController();
    terminal.onInterrupt?.(() => interrupted.abort());
    await serveStdio(
      {
        version,
        readOnly,
        resolving: { context: await resolveContext(terminal, { scope, isForSystemd }), cwd: terminal.cwd() },
        connect: {
          paths: this.places,
          backend: this.backend,
          env: terminal.env,
          note: (text) => this.note(text),
        },
      },
      { input: terminal.stdin as Readable, output: terminal.stdout as unknown as Writable },
      interrupted.signal,
    );
    return 0;
  }
}
