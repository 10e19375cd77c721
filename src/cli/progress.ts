import type { Connection } from "../client/connection.ts";
import type { VelosEvent } from "../controller/events.ts";
import type { Terminal } from "./terminal.ts";
import { createStyle } from "./render/style.ts";
import { statusPaint } from "./render/app-table.ts";

/** Work that takes longer than this is worth talking about. */
const QUIET_MS = 1000;

/**
 * Does the work, and after a second tells on a terminal what becomes of each instance meanwhile. Without a terminal it
 * is silent: the result says it all.
 */
export const withProgress = async <T>(terminal: Terminal, daemon: Connection, work: () => Promise<T>): Promise<T> => {
  if (terminal.stderr.isTTY !== true) return work();
  const style = createStyle({ stdout: terminal.stderr, env: terminal.env });
  const early: VelosEvent[] = [];
  const state = { talking: false, done: false };
  const show = (event: VelosEvent): void => {
    if (event.type !== "instance") return;
    const status = event.status === "absent" ? "stopped" : event.status;
    terminal.stderr.write(
      `${style.dim("·")} ${event.app}:${event.index} ${statusPaint({ status }, style)(event.status === "absent" ? "gone" : status)}\n`,
    );
  };
  const timer = setTimeout(() => {
    state.talking = true;
    for (const event of early.splice(0)) show(event);
  }, QUIET_MS);
  const events = daemon.stream("watch", {});
  const reading = (async () => {
    for await (const event of events) {
      if (state.done) break;
      if (state.talking) show(event);
      else early.push(event);
    }
  })().catch(() => {});
  try {
    return await work();
  } finally {
    state.done = true;
    clearTimeout(timer);
    void reading;
  }
};
