const UNITS = ["", "K", "M", "G", "T"] as const;

/**
 * Bytes of `300M`, `1.5G`, `64 KiB` or a plain whole number of bytes, rounded to whole ones. Undefined for anything else.
 * K, M, G, T are powers of 1024, with or without `B` or `iB` after them.
 */
export const parseSize = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?) ?(?:([KMGT])(?:i?B)?|B)?$/i.exec(text.trim());
  if (!match || (match[2] === undefined && match[1]!.includes("."))) return undefined;
  const exponent = UNITS.indexOf((match[2]?.toUpperCase() ?? "") as (typeof UNITS)[number]);
  return Math.round(Number(match[1]) * 1024 ** exponent);
};

/** A size in the largest unit that divides it, so that `parseSize` reads it back: 314572800 is `300M`. */
export const formatSize = (bytes: number): string => {
  let exponent = 0;
  let count = bytes;
  while (count > 0 && count % 1024 === 0 && exponent < UNITS.length - 1) {
    count /= 1024;
    exponent++;
  }
  return `${count}${UNITS[exponent]}`;
};
