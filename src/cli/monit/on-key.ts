import type { MonitState, Verb } from "./state.ts";
import { isOpen, rowsOf, selectedRow } from "./state.ts";

/** What a key asks of the world besides another state. */
export type Effect = { kind: "quit"; exitCode: number } | { kind: "act"; verb: Verb; name: string; instances?: string };

/** A key as readline tells of it: its name, or the character. */
export interface Key {
  name: string | undefined;
  sequence: string;
  ctrl: boolean;
}

export interface Outcome {
  state: MonitState;
  effect?: Effect;
}

/** What a key does. */
export const onKey = (state: MonitState, key: Key): Outcome => {
  if (key.ctrl && key.name === "c") return { state, effect: { kind: "quit", exitCode: 130 } };
  if (state.prompt) return onPrompt(state, state.prompt, key);
  if (state.help) return { state: { ...state, help: false } };
  const calm = { ...state, notice: undefined };
  const by = steps[key.name ?? ""];
  if (by !== undefined) return { state: step(calm, by) };
  if (isEnter(key) || key.name === "space") return { state: toggle(calm) };
  switch (key.sequence) {
    case "q":
    case "\u0004":
      return { state, effect: { kind: "quit", exitCode: 0 } };
    case "?":
      return { state: { ...calm, help: true } };
    case "r":
      return { state: ask(calm, "reload") };
    case "R":
      return { state: ask(calm, "restart") };
    case "x":
      return { state: ask(calm, isDown(calm) ? "start" : "stop") };
    case "s":
      return { state: ask(calm, "scale") };
    case "+":
    case "-":
      return scaleBy(calm, `${key.sequence}1`);
    case "l":
      return { state: { ...calm, level: nextLevel(calm.level) } };
    default:
      return { state: calm };
  }
};

/** Rows that a key moves by. */
const steps: Readonly<Record<string, number>> = {
  up: -1,
  k: -1,
  down: 1,
  j: 1,
  pageup: -10,
  pagedown: 10,
  home: -Infinity,
  end: Infinity,
};

const isEnter = ({ name }: Key): boolean => name === "return" || name === "enter";

const step = (state: MonitState, by: number): MonitState => {
  const rows = rowsOf(state);
  const selected = selectedRow(state);
  if (!selected) return state;
  const at = rows.findIndex(({ name }) => name === selected.name);
  return { ...state, selected: rows[Math.max(0, Math.min(rows.length - 1, at + by))]!.name };
};

/** Shows or hides the instances of the selected app. */
const toggle = (state: MonitState): MonitState => {
  const row = selectedRow(state);
  if (!row) return state;
  const opened = new Map(state.opened).set(row.app.name, !isOpen(state, row.app));
  return { ...state, opened, selected: row.app.name };
};

const isDown = (state: MonitState): boolean => {
  const row = selectedRow(state);
  if (!row) return false;
  return row.instance ? row.instance.status === "stopped" || row.instance.status === "errored" : !row.app.running;
};

/** Asks before it is done: a key is pressed by mistake more easily than a command is written. */
const ask = (state: MonitState, verb: Verb): MonitState => {
  const row = selectedRow(state);
  if (!row) return state;
  if (verb === "scale") return { ...state, prompt: { kind: "scale", app: row.app.name, typed: "" } };
  return { ...state, prompt: { kind: "confirm", verb, name: row.name } };
};

const scaleBy = (state: MonitState, instances: string): Outcome => {
  const row = selectedRow(state);
  return row ? { state, effect: { kind: "act", verb: "scale", name: row.app.name, instances } } : { state };
};

const onPrompt = (state: MonitState, prompt: NonNullable<MonitState["prompt"]>, key: Key): Outcome => {
  const without = { ...state, prompt: undefined };
  if (key.name === "escape") return { state: without };
  if (prompt.kind === "confirm") {
    const { verb, name } = prompt;
    const yes = key.sequence === "y" || key.sequence === "Y" || isEnter(key);
    return yes ? { state: without, effect: { kind: "act", verb, name } } : { state: without };
  }
  const { app, typed } = prompt;
  if (key.name === "backspace") return { state: { ...state, prompt: { ...prompt, typed: typed.slice(0, -1) } } };
  if (isEnter(key))
    return typed === ""
      ? { state: without }
      : { state: without, effect: { kind: "act", verb: "scale", name: app, instances: typed } };
  // 4, +2, -1, max: velosd says what is wrong with anything else.
  if (!/^[0-9+\-max]$/.test(key.sequence) || typed.length >= 6) return { state };
  return { state: { ...state, prompt: { ...prompt, typed: typed + key.sequence } } };
};

/** All levels, then what is worth filtering by. */
const levels = [undefined, "info", "warn", "error"] as const;

const nextLevel = (level: MonitState["level"]): MonitState["level"] =>
  levels[(levels.findIndex((one) => one === level) + 1) % levels.length];
