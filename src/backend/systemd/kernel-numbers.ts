/** The number behind the first `key` in a text. */
export const value = (text: string | undefined, key: string): number | undefined => {
  if (text === undefined) return undefined;
  const at = text.indexOf(key);
  return at < 0 ? undefined : digits(text, at + key.length);
};

/** The sum of the numbers behind each `key`: io.stat has a line for each device. */
export const total = (text: string, key: string): number => {
  let sum = 0;
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at + key.length)) {
    sum += digits(text, at + key.length) ?? 0;
  }
  return sum;
};

const digits = (text: string, from: number): number | undefined => {
  let end = from;
  while (end < text.length && text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57) end++;
  return end === from ? undefined : Number(text.slice(from, end));
};
