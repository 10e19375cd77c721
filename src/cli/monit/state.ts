import type { InstanceMetrics } from "../../api/push-messages.ts";
import type { LogLevel } from "../../domain/log-level.ts";
import type { Fleet, FleetApp, Instance } from "../../fleet/fleet.ts";
import { emptyFleet } from "../../fleet/fleet.ts";
import { History } from "../../fleet/history.ts";
import type { LogBuffer } from "../../fleet/log-buffer.ts";
import { emptyLog } from "../../fleet/log-buffer.ts";

/** What can be done to what is selected. */
export type Verb = "reload" | "restart" | "stop" | "start" | "scale";

/** A question at the foot of the screen. */
export type Prompt = { kind: "confirm"; verb: Verb; name: string } | { kind: "scale"; app: string; typed: string };

/** Everything that is drawn. Replaced as a whole, but for the history, which grows in place. */
export interface MonitState {
  fleet: Fleet;
  figures: Readonly<Record<string, InstanceMetrics>>;
  history: History;
  /** `api` or `api:2`. */
  selected: string | undefined;
  /** Apps whose instances were hidden or shown by hand. */
  opened: ReadonlyMap<string, boolean>;
  log: LogBuffer;
  level: LogLevel | undefined;
  prompt: Prompt | undefined;
  help: boolean;
  /** What became of the last command. */
  notice: { text: string; bad: boolean } | undefined;
  /** Why velosd does not answer. */
  away: string | undefined;
}

/** Samples behind a sparkline, one a second. */
export const SPARK = 12;

export const initialState = (): MonitState => ({
  fleet: emptyFleet,
  figures: {},
  history: new History(SPARK),
  selected: undefined,
  opened: new Map(),
  log: emptyLog,
  level: undefined,
  prompt: undefined,
  help: false,
  notice: undefined,
  away: undefined,
});

/** A line of the list: an app, or one of its instances. */
export interface Row {
  /** `api` or `api:2` */
  name: string;
  app: FleetApp;
  instance?: Instance;
}

/** So many rows are shown without being asked for. */
const ROWS_OPEN = 16;

/** True where an app's instances are shown. */
export const isOpen = ({ opened, fleet }: MonitState, app: FleetApp): boolean => {
  const all = [...fleet.apps.values()].reduce((sum, one) => sum + one.processes.length, 0);
  return opened.get(app.name) ?? all <= ROWS_OPEN;
};

/** The lines of the list. */
export const rowsOf = (state: MonitState): Row[] =>
  [...state.fleet.apps.values()].flatMap((app) => [
    { name: app.name, app },
    ...(isOpen(state, app) ? app.processes.map((instance) => ({ name: instance.name, app, instance })) : []),
  ]);

/**
 * The row that is selected: the one that was, or its app when the instance is gone or hidden, or the first; undefined
 * when there is none.
 */
export const selectedRow = (state: MonitState): Row | undefined => {
  const rows = rowsOf(state);
  const { selected } = state;
  const app = selected?.replace(/:\d+$/, "");
  return rows.find(({ name }) => name === selected) ?? rows.find(({ name }) => name === app) ?? rows[0];
};
