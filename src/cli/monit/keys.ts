import { emitKeypressEvents } from "node:readline";
import type { Terminal } from "../terminal.ts";
import type { Key } from "./on-key.ts";

/** Tells of each key, until it is stopped. */
export const readKeys = (stdin: Terminal["stdin"], tell: (key: Key) => void): { stop: () => void } => {
  const onKeypress = (_: unknown, key: { name?: string; sequence?: string; ctrl?: boolean }): void =>
    tell({ name: key.name, sequence: key.sequence ?? "", ctrl: key.ctrl === true });
  emitKeypressEvents(stdin);
  stdin.setRawMode?.(true);
  stdin.on("keypress", onKeypress);
  stdin.resume();
  return {
    stop: () => {
      stdin.off("keypress", onKeypress);
      stdin.setRawMode?.(false);
      stdin.pause();
    },
  };
};
