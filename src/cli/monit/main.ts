import type { ConnectOptions } from "../../client/connect.ts";
import { connectDaemon } from "../../client/connect.ts";
import type { Connection } from "../../client/connection.ts";
import type { Style } from "../render/style.ts";
import type { Terminal } from "../terminal.ts";
import { drawScreen } from "./draw.ts";
import { Feed } from "./feed.ts";
import { readKeys } from "./keys.ts";
import { LogFeed } from "./log-feed.ts";
import type { Effect } from "./on-key.ts";
import { onKey } from "./on-key.ts";
import { Screen } from "./screen.ts";
import type { MonitState } from "./state.ts";
import { initialState, selectedRow } from "./state.ts";
import { perform } from "./perform.ts";

export interface MonitOptions {
  terminal: Terminal;
  style: Style;
  daemon: ConnectOptions;
}

/**
 * The screen, until a key ends it. It goes on when velosd goes and comes back.
 * @returns the exit code: 0 for a key that ends it, else that of an interrupt
 * @throws VelosError when velosd cannot be reached at first, and whatever else it refuses
 */
export const runMonit = async ({ terminal, style, daemon }: MonitOptions): Promise<number> => {
  // A screen that goes on must not start the velosd that somebody just ended.
  const connect = (): Promise<Connection> => connectDaemon({ ...daemon, start: false });
  const first = await connectDaemon(daemon);
  let state = initialState();
  let isOver = false;
  const screen = new Screen(terminal.stdout, (size) => drawScreen(state, size, style, Date.now()));
  const logs = new LogFeed({
    connect,
    change: (log) => update({ ...state, log: log(state.log) }),
  });
  const update = (next: MonitState): void => {
    // What comes late must not draw over what the terminal shows again.
    if (isOver) return;
    state = next;
    // What has no connection is begun again when there is one.
    if (state.away === undefined && state.fleet.known) logs.follow(selectedRow(state)?.name, state.level);
    screen.changed();
  };

  return new Promise<number>((resolve, reject) => {
    const feed = new Feed({
      first,
      connect,
      change: (by) => update(by(state)),
      fail: (error) => end(error),
    });
    const act = (effect: Effect & { kind: "act" }): void => {
      update({ ...state, notice: { text: `${effect.verb} ${effect.name} …`, bad: false } });
      perform(feed.daemon, effect).then((notice) => update({ ...state, notice }), end);
    };
    const keys = readKeys(terminal.stdin, (key) => {
      const { state: next, effect } = onKey(state, key);
      update(next);
      if (effect?.kind === "quit") end(effect.exitCode);
      else if (effect) act(effect);
    });
    const offInterrupt = terminal.onInterrupt?.((exitCode) => end(exitCode));
    const end = (how: number | Error): void => {
      if (isOver) return;
      isOver = true;
      offInterrupt?.();
      keys.stop();
      feed.stop();
      logs.stop();
      screen.leave();
      if (typeof how === "number") resolve(how);
      else reject(how);
    };
    screen.enter();
    feed.begin();
  });
};
