import type { Observer } from "../controller/observer.ts";

/** The observer as its contract has it: what fails in it is a bug, told once, and no business of those it watches. */
export const guarded = (observer: Observer, report: (line: string) => void): Observer => {
  let isTold = false;
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act();
    } catch (error) {
      if (!isTold) report(`telemetry: ${(error as Error).stack ?? String(error)}`);
      isTold = true;
      return undefined;
    }
  };
  return {
    command: (app, type, at) => {
      const ended = attempt(() => observer.command(app, type, at));
      return (end) => void attempt(() => ended?.(end));
    },
    action: (began) => {
      const watched = attempt(() => observer.action(began));
      return watched && { ...watched, over: (end) => void attempt(() => watched.over(end)) };
    },
    ready: (run) => attempt(() => observer.ready(run)),
    ended: (run) => void attempt(() => observer.ended(run)),
    changed: (before, after, at) => void attempt(() => observer.changed(before, after, at)),
  };
};
