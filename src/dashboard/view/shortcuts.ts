import { choose, chosen, chosenName, dialog, toggle } from "../page.ts";
import { mayOperate } from "../store.ts";
import { nextTheme } from "../theme.ts";
import { shownApps } from "./app-list.tsx";

interface Shortcut {
  key: string;
  about: string;
  run: () => void;
}

const step = (by: number): void => {
  const names = shownApps().map(({ name }) => name);
  if (names.length === 0) return;
  const at = chosenName.value === undefined ? -1 : names.indexOf(chosenName.value);
  choose(names[at < 0 ? (by > 0 ? 0 : names.length - 1) : Math.min(names.length - 1, Math.max(0, at + by))]);
};

const confirm = (verb: "restart" | "reload" | "stop" | "start") => (): void => {
  if (chosen.value && mayOperate.value) dialog.value = { kind: "confirm", verb, name: chosen.value.name };
};

const focus = (selector: string) => (): void => document.querySelector<HTMLElement>(selector)?.focus();

/** Keys that do something wherever the focus is, but not while something is typed. */
export const shortcuts: readonly Shortcut[] = [
  { key: "j", about: "next app", run: () => step(1) },
  { key: "k", about: "app before", run: () => step(-1) },
  {
    key: "o",
    about: "show or hide its instances",
    run: () => chosenName.value !== undefined && toggle(chosenName.value),
  },
  { key: "r", about: "reload it", run: confirm("reload") },
  { key: "R", about: "restart it", run: confirm("restart") },
  { key: "x", about: "stop or start it", run: () => confirm(chosen.value?.running ? "stop" : "start")() },
  {
    key: "s",
    about: "scale it",
    run: () => {
      if (chosen.value && mayOperate.value) dialog.value = { kind: "scale", app: chosen.value.name };
    },
  },
  {
    key: "n",
    about: "start an app",
    run: () => {
      if (mayOperate.value) dialog.value = { kind: "new" };
    },
  },
  { key: "/", about: "search in its log", run: focus(".log input[type=search]") },
  { key: "f", about: "filter apps", run: focus(".app-filter") },
  { key: "t", about: "light, dark, or as the system is", run: nextTheme },
  { key: "Esc", about: "back to all apps", run: () => choose(undefined) },
  { key: "?", about: "this list", run: () => (dialog.value = { kind: "help" }) },
];

/** Listens for them. */
export const beginShortcuts = (): void => {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || dialog.value) return;
    const target = event.target as HTMLElement;
    const key = event.key === "Escape" ? "Esc" : event.key;
    if (target.closest("input, select, textarea")) {
      if (key === "Esc") target.blur();
      return;
    }
    const shortcut = shortcuts.find((one) => one.key === key);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run();
  });
};
