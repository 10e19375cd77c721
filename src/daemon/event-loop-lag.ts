import type { IntervalHistogram } from "node:perf_hooks";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the lag is measured, in milliseconds: each time wakes velosd, so not often, and only while it is asked for. */
const RESOLUTION_MS = 20;
/** Nobody has asked for this long: nobody will. Longer than any scrape interval in use. */
const IDLE_MS = 3 * 60_000;

/** By how much the event loop is late, in seconds, between one sample and the next. */
export class EventLoopLag {
  #monitor: IntervalHistogram | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Undefined at the first time, when measuring begins. */
  sample(): { mean: number; p99: number; max: number } | undefined {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop(), IDLE_MS).unref();
    const monitor = this.#monitor;
    if (!monitor) {
      this.#monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#monitor.enable();
      return undefined;
    }
    if (monitor.max === 0) return undefined;
    const sample = { mean: lag(monitor.mean), p99: lag(monitor.percentile(99)), max: lag(monitor.max) };
    monitor.reset();
    return sample;
  }

  #stop(): void {
    this.#monitor?.disable();
    this.#monitor = undefined;
  }
}

/** The monitor tells the time between two ticks of its timer, in nanoseconds; on time that is the resolution. */
const lag = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
