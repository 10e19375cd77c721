/** Edits (insert, remove, replace, swap two neighbours) from one text to another: optimal string alignment. */
const distance = (a: string, b: string): number => {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(change, rows[i - 1]![j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
      }
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
};

/** `maxRestarts` and `max-restarts` as `max_restarts`. */
const plain = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll("-", "_")
    .toLowerCase();

/**
 * The name that somebody who wrote `name` probably meant: at most a third of its letters (and no more than 3) differ,
 * spelling in camelCase or with dashes does not count. Undefined when none is that near; the first of equals wins.
 */
export const nearest = (name: string, candidates: Iterable<string>): string | undefined => {
  if (name.length > 64) return undefined;
  let best: string | undefined;
  let least = Math.min(3, Math.ceil(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(plain(name), plain(candidate));
    if (edits < least && edits < candidate.length) [best, least] = [candidate, edits];
  }
  return best;
};
