import { setTimeout as delay } from "node:timers/promises";
import type { InstanceMetrics } from "../../api/push-messages.ts";
import type { Connection } from "../../client/connection.ts";
import { VelosError } from "../../domain/errors.ts";
import { applyChange } from "../../fleet/fleet.ts";
import type { MonitState } from "./state.ts";

interface Options {
  first: Connection;
  connect: () => Promise<Connection>;
  change: (by: (state: MonitState) => MonitState) => void;
  /** Something that waiting does not mend. */
  fail: (error: Error) => void;
}

const FIGURES_EVERY_MS = 1000;
const RETRY_MS = 500;

const isAway = (error: unknown): error is VelosError =>
  error instanceof VelosError && (error.code === "DAEMON_UNREACHABLE" || error.code === "DAEMON_LEAVING");

/** Tells what velosd tells: each change as it happens, figures every second. Waits for a velosd that is away. */
export class Feed {
  /** Undefined while velosd is away. */
  daemon: Connection | undefined;
  readonly #options: Options;
  readonly #end = new AbortController();

  constructor(options: Options) {
    this.#options = options;
    this.daemon = options.first;
  }

  begin(): void {
    void this.#run();
  }

  stop(): void {
    this.#end.abort();
    this.daemon?.close();
  }

  async #run(): Promise<void> {
    const { connect, change, fail } = this.#options;
    while (!this.#end.signal.aborted) {
      try {
        this.daemon ??= await connect();
        await this.#follow(this.daemon);
      } catch (error) {
        if (this.#end.signal.aborted) return;
        this.daemon?.close();
        this.daemon = undefined;
        if (!isAway(error)) return fail(error as Error);
        change((state) => ({ ...state, away: error.message }));
        await delay(RETRY_MS, undefined, { signal: this.#end.signal }).catch(() => {});
      }
    }
  }

  /** Until the connection is lost. */
  async #follow(daemon: Connection): Promise<void> {
    const { change } = this.#options;
    const figures = new AbortController();
    const measuring = this.#measure(daemon, figures.signal);
    try {
      const changes = (async () => {
        for await (const item of daemon.stream("live", {}))
          change((state) => ({ ...state, away: undefined, fleet: applyChange(state.fleet, item) }));
      })();
      await Promise.race([changes, measuring]);
    } finally {
      figures.abort();
      await measuring.catch(() => {});
    }
  }

  async #measure(daemon: Connection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { apps } = await daemon.call("list", {});
      const figures: Record<string, InstanceMetrics> = {};
      for (const { name, cpuPercent, memoryBytes, restarts } of apps.flatMap(({ processes }) => processes)) {
        if (cpuPercent === undefined && memoryBytes === undefined) continue;
        figures[name] = {
          restarts,
          ...(cpuPercent !== undefined && { cpuPercent }),
          ...(memoryBytes !== undefined && { memoryBytes }),
        };
      }
      this.#options.change((state) => {
        state.history.add(Date.now(), figures);
        return { ...state, figures };
      });
      await delay(FIGURES_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }
}
