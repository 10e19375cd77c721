import type { Static } from "typebox";
import type { LogLineSchema } from "../api/schemas.ts";

/** A line as velosd sends it. */
export type LogLine = Static<typeof LogLineSchema>;

/** A line as it is shown. */
export interface ShownLine extends LogLine {
  /** Counts lines, also those that were dropped; a line keeps it. */
  id: number;
}

/** The newest lines of what is followed, bounded. Never changed in place. */
export interface LogBuffer {
  lines: readonly ShownLine[];
  /** How many lines were taken so far. */
  taken: number;
  /** Lines that the server left out because the connection was too slow. */
  skipped: number;
}

export const emptyLog: LogBuffer = { lines: [], taken: 0, skipped: 0 };

/** Appends lines; of more than `limit` the oldest go. */
export const appendLines = (buffer: LogBuffer, lines: readonly LogLine[], limit: number): LogBuffer => {
  const numbered = lines.map((line, at) => ({ ...line, id: buffer.taken + at }));
  const all = numbered.length >= limit ? numbered : [...buffer.lines, ...numbered];
  return { ...buffer, lines: all.slice(-limit), taken: buffer.taken + lines.length };
};

/** A part of a message: found or not. */
export interface Part {
  text: string;
  found: boolean;
}

/** Lines in which a text occurs, whatever its case. Without a text all of them. */
export const linesWith = (lines: readonly ShownLine[], search: string): readonly ShownLine[] => {
  if (search === "") return lines;
  const wanted = search.toLowerCase();
  return lines.filter(
    ({ message, app, index }) => message.toLowerCase().includes(wanted) || `${app}:${index}` === wanted,
  );
};

/** Cuts a message where a text occurs, whatever its case; the parts together are the message. */
export const partsOf = (message: string, search: string): Part[] => {
  if (search === "") return [{ text: message, found: false }];
  const wanted = search.toLowerCase();
  const lower = message.toLowerCase();
  // Lower case may have another length (İ): then nothing is marked rather than something wrong.
  if (lower.length !== message.length) return [{ text: message, found: false }];
  const parts: Part[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    if (at > from) parts.push({ text: message.slice(from, at), found: false });
    parts.push({ text: message.slice(at, at + wanted.length), found: true });
    from = at + wanted.length;
  }
  if (from < message.length) parts.push({ text: message.slice(from), found: false });
  return parts;
};
