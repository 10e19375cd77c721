/** The first wait, and the longest. */
const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * How long to wait before the next attempt to connect: doubling, with a spread of a fifth, so that all pages that lost
 * one server do not come back at one moment.
 * @param failures attempts that failed in a row, from 1
 * @param random from 0 to 1
 */
export const backoffMs = (failures: number, random: number): number => {
  const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.round(wait * (0.8 + 0.4 * random));
};
