export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/**
 * Takes samples of each of some things in turn, A B A B, so that whatever else the machine does meets all of them.
 * @param takers name to an async function that returns one sample
 * @returns name to its samples
 */
export const interleaved = async (times, takers) => {
  const samples = Object.fromEntries(Object.keys(takers).map((name) => [name, []]));
  for (let i = 0; i < times; i++) for (const [name, take] of Object.entries(takers)) samples[name].push(await take(i));
  return samples;
};

/** The medians of what `interleaved` returned. */
export const medians = (samples) =>
  Object.fromEntries(Object.entries(samples).map(([name, numbers]) => [name, median(numbers)]));
