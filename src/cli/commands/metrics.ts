import { Command, Option } from "clipanion";
import { readPort } from "../read-port.ts";
import { VelosCommand } from "../velos-command.ts";

export class MetricsCommand extends VelosCommand {
  static override paths = [["metrics"]];
  static override usage = Command.Usage({
    description: "serve figures of apps and velosd to Prometheus",
    details: `
      Serves /metrics in the formats of Prometheus and OpenMetrics until it is ended. It never starts velosd: while that
      is away, velos_up is 0 and nothing else of it is there.

      With --once the figures go to the standard output, for node_exporter's textfile collector.
    `,
    examples: [
      ["http://127.0.0.1:9615/metrics", "velos metrics"],
      ["for a Prometheus on another machine", "velos metrics --host 0.0.0.0 --port 9616"],
      ["one scrape", "velos metrics --once > velos.prom"],
    ],
  });

  port = Option.String("--port", "9615", { description: "port to serve on (9615)" });
  override host = Option.String("--host", "127.0.0.1", { description: "address to serve on (127.0.0.1)" });
  once = Option.Boolean("--once", false, { description: "print the figures and end" });

  override async execute(): Promise<number> {
    const port = readPort(this.port);
    // A bundle of its own: no other command reads it.
    const { scrapeOnce, serveMetrics } = await import("../../metrics/main.ts");
    const { places: paths, terminal } = this;
    const options = { paths, env: terminal.env, report: (text: string) => this.note(text) };
    if (this.once) {
      const text = await scrapeOnce(options);
      await new Promise<void>((resolve) => terminal.stdout.write(text, () => resolve()));
      return 0;
    }
    const ended = new Promise<void>((resolve) => void terminal.onInterrupt?.(() => resolve()));
    const metrics = await serveMetrics(options, { host: this.host, port });
    this.note(`metrics at ${metrics.url}/metrics`);
    await ended;
    metrics.close();
    return 0;
  }
}
