/**
 * Which of two lines of one log comes first, by their places: negative when it is the first. Undefined where places do
 * not tell: of two journals.
 *
 * Without systemd a place is the instance and how much its log had in it; journald gives a number to each entry (`i=`)
 * of a sequence (`s=`).
 */
export const placeOrder = (a: string, b: string): number | undefined => {
  const [first, second] = [read(a), read(b)];
  if (!first || first.log !== second?.log) return undefined;
  return first.number - second.number;
};

const read = (place: string): { log: string; number: number } | undefined => {
  const own = /^(\d{1,4})@(\d{1,15})$/.exec(place);
  if (own) return { log: own[1]!, number: Number(own[2]) };
  const journal = /^s=([0-9a-f]+);i=([0-9a-f]{1,13});/.exec(place);
  return journal ? { log: journal[1]!, number: Number.parseInt(journal[2]!, 16) } : undefined;
};
