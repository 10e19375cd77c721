import { VelosError } from "../../../domain/errors.ts";

/** Where a line stands: the number of its instance, and the position after it in all that the instance ever logged. */
export const placeOf = (index: number, end: number): string => `${index}@${end}`;

/**
 * The positions by instance.
 * @throws VelosError CURSOR_INVALID
 */
export const readPlaces = (places: readonly string[]): Map<number, number> =>
  new Map(
    places.map((place) => {
      const match = /^(\d{1,4})@(\d{1,15})$/.exec(place);
      if (!match) throw new VelosError("CURSOR_INVALID", { why: `'${place.slice(0, 40)}'` });
      return [Number(match[1]), Number(match[2])];
    }),
  );
