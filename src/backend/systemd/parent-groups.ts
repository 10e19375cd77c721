import type { DescriptorBudget } from "../kept-files.ts";
import { KeptFiles } from "../kept-files.ts";
import { value } from "./kernel-numbers.ts";

/** The group above some runs. What it used contains what each of them used: while it stays, none of them ran. */
export interface ParentGroup {
  readonly files: KeptFiles;
  usageUsec: number | undefined;
  /** The round it was read in. */
  round: number;
}

/** CPU times of the groups above instances, each read once a round of reading. */
export class ParentGroups {
  readonly #groups = new Map<string, ParentGroup>();
  #round = 0;

  nextRound(): void {
    this.#round++;
  }

  get(path: string, budget: DescriptorBudget): ParentGroup {
    const known = this.#groups.get(path);
    if (known && !known.files.isGone) return known;
    known?.files.close();
    const group: ParentGroup = { files: new KeptFiles(path, budget), usageUsec: undefined, round: -1 };
    this.#groups.set(path, group);
    return group;
  }

  /** As read at the first call of the round: that somebody ran since is seen in the next one. */
  usageUsec(group: ParentGroup): number | undefined {
    if (group.round === this.#round) return group.usageUsec;
    group.round = this.#round;
    return (group.usageUsec = value(group.files.read("cpu.stat"), "usage_usec "));
  }

  keepOnly(groups: Iterable<ParentGroup>): void {
    const used = new Set(groups);
    for (const [path, group] of this.#groups) {
      if (used.has(group)) continue;
      group.files.close();
      this.#groups.delete(path);
    }
  }
}
