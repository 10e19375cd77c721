// velosd as far as a scrape needs it: the real controller and IPC server, over instances that exist in memory only but
// have every figure, each of them another one at every look. Started by scrape.mjs; prints its event loop's lag.
import { rm } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createHandlers } from "../../src/api/handlers.ts";
import type { Figures } from "../../src/backend/backend.ts";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { createIpcServer } from "../../src/daemon/ipc-server.ts";
import { RequestCounters } from "../../src/daemon/request-counters.ts";
import { growingFigures, momentaryFigures } from "../../src/domain/snapshot.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import { makeSpec } from "../backend/programs.ts";

const PER_APP = 50;

class MeasuredBackend extends MemoryBackend {
  #look = 0;
  /** Nothing changes here; and the other backends do not work out a fingerprint at every look. */
  readonly #observed = new Map<string, ObservedInstance[]>();

  override observe(app: string): ObservedInstance[] {
    const observed = this.#observed.get(app) ?? super.observe(app);
    if (observed.length > 0 && observed.every(({ status }) => status === "online")) this.#observed.set(app, observed);
    return observed;
  }

  override async figures(wanted: readonly { app: string; index: number }[]): Promise<Figures[]> {
    this.#look++;
    return wanted.map(({ index }) => {
      const figures: Figures = {};
      for (const name of growingFigures) figures[name] = this.#look * 12_345 + index;
      for (const name of momentaryFigures)
        figures[name] = 40_000_000 + ((this.#look * 4096 * (index + 1)) % 10_000_000);
      return figures;
    });
  }
}

const [socket, directory, count] = process.argv.slice(2) as [string, string, string];
const controller = new Controller({ backend: new MeasuredBackend(new MemoryWorld()), stateDirectory: directory });
await controller.open();
for (let left = Number(count); left > 0; left -= PER_APP) {
  const spec = makeSpec(`app-${left}`, ["/bin/true"]);
  await controller.commands.start(spec, { kind: "exact", count: Math.min(PER_APP, left) });
}
const handlers = createHandlers(controller, { version: "0", scope: "user", startedAt: Date.now(), shutdown: () => {} });
const options = {
  ...handlers,
  counters: new RequestCounters(),
  version: "0",
  report: (text: string) => process.stderr.write(`${text}\n`),
};
const server = createIpcServer(options);
await new Promise<void>((resolve) => server.listen(socket, () => resolve()));

const lag = monitorEventLoopDelay({ resolution: 1 });
lag.enable();
process.on("message", (message) => {
  if (message === "reset") lag.reset();
  if (message === "report") process.send!({ p99: lag.percentile(99) / 1e6, max: lag.max / 1e6 });
});
process.on("disconnect", () => void rm(directory, { recursive: true, force: true }).then(() => process.exit()));
process.send!("ready");
