import { Command, Option } from "clipanion";
import { logLevels } from "../../domain/log-level.ts";
import type { LogLevel } from "../../domain/log-level.ts";
import { VelosError } from "../../domain/errors.ts";
import { logText } from "../render/log-line.ts";
import { parseTime } from "../time.ts";
import { VelosCommand } from "../velos-command.ts";

export class LogsCommand extends VelosCommand {
  static override paths = [["logs"]];
  static override rest = "selector";
  static override usage = Command.Usage({
    description: "what apps wrote: the last lines, and with -f those to come",
    details:
      "Instances are interleaved by time. A level means at least this severe, and -n counts lines that match: `-n 100 --level error` gives the last hundred errors. Levels come from a <N> prefix, JSON, or words like ERROR.",
    examples: [
      ["follow all instances of api", "velos logs api -f"],
      ["the last hundred errors of one", "velos logs api:2 -n 100 --level error"],
      ["of the last hour", "velos logs api --since 1h --grep timeout"],
    ],
  });

  follow = Option.Boolean("-f,--follow", false, { description: "go on with what comes" });
  lines = Option.String("-n,--lines", { description: "how many lines of the past (15)" });
  level = Option.String("--level", { description: `at least this severe: ${logLevels.join(", ")}` });
  grep = Option.String("--grep", { description: "only lines that match a regular expression" });
  since = Option.String("--since", {
    description: "from here on: 10m, 2h, 1d, 2026-01-31, 14:30, or a full timestamp",
  });
  until = Option.String("--until", { description: "up to here" });
  selectors = Option.Rest({ name: "selector" });

  override async execute(): Promise<number> {
    const level = this.level === undefined ? undefined : this.#level(this.level);
    const lines = this.#count();
    const since = this.since === undefined ? undefined : parseTime(this.since, "--since", Date.now());
    const until = this.until === undefined ? undefined : parseTime(this.until, "--until", Date.now());
    return this.withDaemon(async (daemon) => {
      const stream = daemon.stream("logs", {
        ...(this.selectors.length > 0 && { selectors: this.selectors }),
        ...(lines !== undefined && { lines }),
        ...(since !== undefined && { since }),
        ...(until !== undefined && { until }),
        ...(level !== undefined && { level }),
        ...(this.grep !== undefined && { grep: this.grep }),
        follow: this.follow,
      });
      const { stdout } = this.terminal;
      for await (const line of stream) {
        const text = this.json ? JSON.stringify(line) : logText(line, this.style);
        if (!stdout.write(`${text}\n`)) await new Promise((resolve) => stdout.once("drain", resolve));
      }
      return 0;
    });
  }

  #level(text: string): LogLevel {
    const wanted = text.toLowerCase() === "warning" ? "warn" : text.toLowerCase();
    const known = logLevels.find((level) => level === wanted);
    if (!known)
      throw new VelosError("USAGE", {
        why: `--level: there is no level '${text}'`,
        hint: `the levels are ${logLevels.join(", ")}`,
      });
    return known;
  }

  #count(): number | undefined {
    if (this.lines === undefined) return undefined;
    if (this.lines === "all") return 10_000;
    const count = Number(this.lines);
    if (/^\d+$/.test(this.lines) && count <= 10_000) return count;
    throw new VelosError("USAGE", {
      why: `--lines: '${this.lines}' is not a number from 0 to 10000`,
      hint: "for more, use journalctl SYSLOG_IDENTIFIER=velos-<app>",
    });
  }
}
