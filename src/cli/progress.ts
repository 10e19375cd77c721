import type { Connection } from "../client/connection.ts";
import type { VelosEvent } from "../controller/events.ts";
import { unlessInterrupted } from "./interrupt.ts";
import { LiveArea } from "./live-area.ts";
import { progressLines } from "./render/progress-lines.ts";
import type { InstanceProgress } from "./render/progress-lines.ts";
import { createStyle } from "./render/style.ts";
import type { Terminal } from "./terminal.ts";

/** Work that takes longer than this is worth talking about. */
const QUIET_MS = 1000;

const GOES_ON = "velosd goes on with it; `velos list --watch` shows how far it is";

/**
 * Does the work, and after a second shows on a terminal what becomes of each instance meanwhile. Without a terminal it
 * is silent: the result says it all. Ctrl-C ends the command, not what velosd does.
 */
export const withProgress = async <T>(terminal: Terminal, daemon: Connection, work: () => Promise<T>): Promise<T> => {
  if (terminal.stderr.isTTY !== true) return unlessInterrupted(terminal, work(), () => GOES_ON);
  const style = createStyle({ stdout: terminal.stderr, env: terminal.env });
  const area = new LiveArea(terminal.stderr);
  const instances = new Map<string, InstanceProgress>();
  const draw = (): void => area.draw(progressLines([...instances.values()], Date.now(), area.room, style));
  let drawing: NodeJS.Timeout | undefined;
  const quiet = setTimeout(() => {
    draw();
    drawing = setInterval(draw, 250);
  }, QUIET_MS);
  void follow(daemon, (event) => {
    instances.set(`${event.app}:${event.index}`, { ...event, since: Date.now() });
  });
  try {
    return await unlessInterrupted(terminal, work(), () => GOES_ON);
  } finally {
    clearTimeout(quiet);
    clearInterval(drawing);
    area.clear();
  }
};

/** Tells what happens to instances, as long as the connection is there. */
const follow = async (
  daemon: Connection,
  tell: (event: Extract<VelosEvent, { type: "instance" }>) => void,
): Promise<void> => {
  try {
    for await (const event of daemon.stream("watch", {})) if (event.type === "instance") tell(event);
  } catch {
    // The work itself tells what is wrong with the connection.
  }
};
