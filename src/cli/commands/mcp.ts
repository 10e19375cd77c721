import { Command, Option } from "clipanion";
import type { Readable, Writable } from "node:stream";
import { version } from "../../domain/version.ts";
import { resolveContext } from "../resolve-context.ts";
import { VelosCommand } from "../velos-command.ts";

export class McpCommand extends VelosCommand {
  static override paths = [["mcp"]];
  static override usage = Command.Usage({
    description: "serve agents over the Model Context Protocol",
    details: `
      Speaks the protocol on the standard input and output until the input ends: programs that work with agents start it
      themselves. Its tools are what velos can do, with secrets masked; with --read-only only those that change nothing.
    `,
    examples: [
      ["what to enter in an agent's settings as the command", "velos mcp"],
      ["for an agent that may only look", "velos mcp --read-only"],
    ],
  });

  readOnly = Option.Boolean("--read-only", false, { description: "only tools that change nothing" });

  override async execute(): Promise<number> {
    // A bundle of its own: no other command reads it.
    const { serveStdio } = await import("../../mcp/main.ts");
    const { terminal, readOnly } = this;
    const interrupted = new AbortController();
    terminal.onInterrupt?.(() => interrupted.abort());
    await serveStdio(
      {
        version,
        readOnly,
        resolving: { context: await resolveContext(terminal, this.scope, undefined), cwd: terminal.cwd() },
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
