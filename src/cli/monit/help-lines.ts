import type { Style } from "../render/style.ts";
import { cutToWidth } from "./cut.ts";

const keys: readonly (readonly [keys: string, about: string])[] = [
  ["↑ ↓  k j", "select; page up, page down, home, end"],
  ["enter", "show or hide the instances of an app"],
  ["r", "reload: instance by instance, without interruption"],
  ["R", "restart: all at once, or the selected instance"],
  ["s", "scale to a number"],
  ["+  -", "one instance more, one less"],
  ["x", "stop, or start again"],
  ["l", "level of the log: all, info, warn, error"],
  ["q", "quit; apps go on"],
];

/** All keys. */
export const helpLines = (columns: number, style: Style): string[] => [
  "",
  ...keys.map(([key, about]) => cutToWidth(`  ${key.padEnd(10)} ${about}`, columns)),
  "",
  style.dim(cutToWidth("  any key goes back", columns)),
];
