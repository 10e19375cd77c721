import { computed, effect, signal, untracked } from "@preact/signals";
import type { Verb } from "./actions.ts";
import { fleet, health, isLive, logs } from "./store.ts";
import type { LogLevel } from "../domain/log-level.ts";

/** What the page shows: chosen by the person who looks at it, not by the server. */

/** The app whose details are shown; it is in the address, so that a reload and the back button do what they should. */
export const chosenName = signal<string | undefined>(undefined);
export const chosen = computed(() =>
  chosenName.value === undefined ? undefined : fleet.value.apps.get(chosenName.value),
);

/** Whose rows were opened or closed by hand. */
const toggled = signal<ReadonlyMap<string, boolean>>(new Map());
/** Up to so many rows are shown without being asked for. */
const ROWS_OPEN = 12;

/** Apps with their instances shown: those that were opened, and all at first where there is room for them. */
export const isOpen = (app: string): boolean => {
  const byHand = toggled.value.get(app);
  if (byHand !== undefined) return byHand;
  return health.value.instances <= ROWS_OPEN;
};

export const toggle = (app: string): void => {
  toggled.value = new Map(toggled.value).set(app, !isOpen(app));
};

/** Text by which the list of apps is narrowed down. */
export const appFilter = signal("");

/** Whose log is shown, within the chosen app: an index, or all. */
export const logIndex = signal<number | undefined>(undefined);
export const logLevel = signal<LogLevel | undefined>(undefined);
export const logSearch = signal("");

/** The dialog that is open. */
export type Dialog =
  { kind: "confirm"; verb: Verb; name: string } | { kind: "scale"; app: string } | { kind: "new" } | { kind: "help" };
export const dialog = signal<Dialog | undefined>(undefined);

/** Shows an app's details; undefined shows none. */
export const choose = (app: string | undefined): void => {
  const hash = app === undefined ? "" : `#${encodeURIComponent(app)}`;
  if (location.hash !== hash) window.history.pushState(null, "", hash === "" ? location.pathname : hash);
  readAddress();
};

const readAddress = (): void => {
  let name: string | undefined;
  try {
    name = decodeURIComponent(location.hash.slice(1)) || undefined;
  } catch {
    // An address that somebody mistyped chooses nothing.
  }
  if (name === chosenName.value) return;
  chosenName.value = name;
  logIndex.value = undefined;
};

/** Begins: reads the address, follows the log of what is chosen. */
export const beginPage = (): void => {
  readAddress();
  addEventListener("popstate", readAddress);
  addEventListener("hashchange", readAddress);
  // For the tab that is open beside others.
  effect(() => {
    const bad = health.value.troubles.filter(({ kind }) => kind === "bad").length;
    const state = !fleet.value.known || isLive.value ? (bad > 0 ? `(${bad}) ` : "") : "(?) ";
    document.title = `${state}velos`;
  });
  const exists = computed(() => chosen.value !== undefined);
  effect(() => {
    const index = logIndex.value;
    const level = logLevel.value;
    const name = chosenName.value;
    const selector = name === undefined || !exists.value ? undefined : index === undefined ? name : `${name}:${index}`;
    // What the log holds is not what it depends on.
    untracked(() => (selector === undefined ? logs.stop() : logs.follow(selector, level)));
  });
};
