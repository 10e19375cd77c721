import type { Scene } from "./scene.ts";

/**
 * A worker, not a server: it notes when it is up, when it is asked to stop and when it goes, and goes after a moment, so that those
 * who are out at the same time can be counted.
 */
const SOURCE = `
import { appendFileSync } from "node:fs";
const note = (what) => appendFileSync("story", [what, process.env.NODE_APP_INSTANCE, Date.now()].join(" ") + "\\n");
process.on("SIGTERM", () => {
  note("down");
  setTimeout(() => process.exit(0), Number(process.env.STOP_MS ?? 100));
});
setInterval(() => {}, 1000);
const up = () => {
  note("up");
  process.send?.("ready");
};
setTimeout(up, Number(process.env.BOOT_MS ?? 50));
`;

/** One line of the worker's story. */
export interface Moment {
  what: "up" | "down";
  index: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Writes the worker into the scene; returns its path. */
export const workerApp = (scene: Scene): string => scene.write("worker.mjs", SOURCE);

export const story = (scene: Scene): Moment[] =>
  scene.lines("story").map((line) => {
    const [what, index, at] = line.split(" ");
    return { what: what as Moment["what"], index: Number(index), at: Number(at) };
  });

/** The most that were out at the same time: told to stop, and not up again. */
export const mostOut = (moments: readonly Moment[]): number => {
  const out = new Set<number>();
  let most = 0;
  for (const { what, index } of moments) {
    if (what === "down") out.add(index);
    else out.delete(index);
    most = Math.max(most, out.size);
  }
  return most;
};

/** The waits between one instance that is up again and the next that is told to stop. */
export const pauses = (moments: readonly Moment[]): number[] =>
  moments.flatMap(({ what, at }, position) => {
    const before = moments[position - 1];
    return what === "down" && before?.what === "up" ? [at - before.at] : [];
  });
