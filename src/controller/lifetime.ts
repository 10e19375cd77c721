import type { Figures } from "../backend/backend.ts";
import { growingFigures } from "../domain/snapshot.ts";
import type { Lifetime } from "../domain/tally.ts";

const OOM_KILLS = growingFigures.indexOf("oomKills");

/**
 * Takes in a reading of an instance and returns its growing figures over all of its runs, in the order of
 * `growingFigures`. The kernel begins at zero with every run (a new control group, new processes), and a counter that
 * does so loses to its reader what was between the last reading and the end.
 *
 * Worked example: run a is read at 5 s of CPU time, ends at an unknown 6 s, run b is read at 1 s: 5, then 6.
 *
 * @param figures undefined: there is no process, or it could not be read
 * @param oomExits ends for want of memory so far: the kernel's own count of them goes with the control group
 * @returns the lifetime to keep, and the values; null for what was never read
 */
export const live = (
  lifetime: Lifetime | undefined,
  run: string,
  figures: Figures | undefined,
  oomExits: number,
): { lifetime: Lifetime; values: (number | null)[] } => {
  const known: Lifetime = lifetime ?? { run, before: newBefore(oomExits), last: [], oomExits };
  const next = known.run === run || figures === undefined ? known : nextRun(known, run, oomExits);
  if (figures) {
    growingFigures.forEach((name, at) => {
      const value = figures[name];
      // Within a run too: of a process tree, a child that is adopted away takes its share along.
      if (value !== undefined) next.last[at] = Math.max(next.last[at] ?? 0, value);
    });
  }
  return { lifetime: next, values: totals(next, oomExits) };
};

const nextRun = (ended: Lifetime, run: string, oomExits: number): Lifetime => ({
  run,
  before: totals(ended, oomExits),
  last: [],
  oomExits,
});

/** Before anything was measured: what is known of it without (and all there is without the memory controller). */
const newBefore = (oomExits: number): (number | null)[] =>
  growingFigures.map((_, at) => (at === OOM_KILLS ? oomExits : null));

const totals = ({ before, last, oomExits: endsBefore }: Lifetime, oomExits: number): (number | null)[] =>
  growingFigures.map((_, at) => {
    // A run that ended for want of memory had a kill, whether or not the kernel's count was read before it went.
    const seen = at === OOM_KILLS ? Math.max(last[at] ?? 0, oomExits - endsBefore) : last[at];
    return before[at] == null && seen == null ? null : (before[at] ?? 0) + (seen ?? 0);
  });
