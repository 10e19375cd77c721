/** What a property list can hold, as far as jobs need it. */
export type PlistValue = string | number | boolean | readonly PlistValue[] | { readonly [key: string]: PlistValue };

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`;

/**
 * True for text that a property list can carry: XML 1.0 has no way at all to write the other characters (most control
 * characters, half of a surrogate pair, U+FFFE and U+FFFF), not even as a reference.
 */
export const fitsPlist = (text: string): boolean =>
  /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u.test(text);

// A carriage return as it is would be read as a line feed (XML 1.0, 2.11), and by readers of XML 1.1 two more would be.
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\r": "&#13;",
  "\u0085": "&#133;",
  "\u2028": "&#8232;",
};
const escape = (text: string): string => {
  if (!fitsPlist(text)) throw new Error(`a property list cannot carry ${JSON.stringify(text)}`);
  return text.replace(/[&<>\r\u0085\u2028]/g, (character) => ESCAPES[character]!);
};

const write = (value: PlistValue, indent: string): string => {
  if (typeof value === "string") return `${indent}<string>${escape(value)}</string>\n`;
  if (typeof value === "boolean") return `${indent}<${value}/>\n`;
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Error(`${value} is not an integer`);
    return `${indent}<integer>${value}</integer>\n`;
  }
  const inner = `${indent}\t`;
  if (Array.isArray(value)) {
    const items = (value as readonly PlistValue[]).map((item) => write(item, inner)).join("");
    return `${indent}<array>\n${items}${indent}</array>\n`;
  }
  const entries = Object.entries(value).map(
    ([key, item]) => `${inner}<key>${escape(key)}</key>\n${write(item, inner)}`,
  );
  return `${indent}<dict>\n${entries.join("")}${indent}</dict>\n`;
};

/**
 * A property list as XML (plist(5)): the form that `plutil` and an editor show.
 * @throws Error for text that it cannot carry, see `fitsPlist`, and for numbers that are not whole
 */
export const writePlist = (value: PlistValue): string => `${HEAD}${write(value, "")}</plist>\n`;
