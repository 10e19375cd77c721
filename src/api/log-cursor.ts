import * as Type from "typebox";
import * as Value from "typebox/value";
import type { LogLine, LogPosition } from "../backend/backend.ts";
import { VelosError } from "../domain/errors.ts";

/**
 * How far one app's log was read, as a text that nobody needs to understand: JSON in base64url. `places` are those of
 * the last line of each instance, or under the empty name the one of a log that all instances share.
 */
const CursorSchema = Type.Object(
  {
    app: Type.String({ maxLength: 64 }),
    at: Type.Number({ minimum: 0 }),
    places: Type.Record(Type.String({ maxLength: 4 }), Type.String({ maxLength: 256 })),
  },
  { additionalProperties: false },
);

/** A cursor that grows with the lines that are given. */
export class LogCursor {
  readonly #app: string;
  #at = 0;
  #places: Record<string, string> = {};

  /**
   * @param text a cursor of before, to go on from
   * @throws VelosError CURSOR_INVALID
   */
  constructor(app: string, text?: string) {
    this.#app = app;
    if (text === undefined) return;
    const read = parse(text);
    if (read.app !== app) throw new VelosError("CURSOR_INVALID", { why: `it is one of ${read.app}, not of ${app}` });
    this.#at = read.at;
    this.#places = read.places;
  }

  /** Where it stands; undefined at the very beginning. */
  get position(): LogPosition | undefined {
    const places = Object.values(this.#places);
    return places.length === 0 ? undefined : { at: this.#at, places };
  }

  /** How far each source was read: by the instance's number, or empty for a log that all share. */
  get places(): ReadonlyMap<string, string> {
    return new Map(Object.entries(this.#places));
  }

  /** Goes on to a line. */
  pass({ at, index, place }: LogLine): void {
    if (place === undefined) return;
    this.#at = Math.max(this.#at, at);
    this.#places[place.startsWith(`${index}@`) ? String(index) : ""] = place;
  }

  /** Its text; undefined at the very beginning. */
  toString(): string {
    return Buffer.from(JSON.stringify({ app: this.#app, at: this.#at, places: this.#places })).toString("base64url");
  }
}

const parse = (text: string): { app: string; at: number; places: Record<string, string> } => {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    read = undefined;
  }
  if (Value.Check(CursorSchema, read) && Object.keys(read.places).length > 0) return read;
  throw new VelosError("CURSOR_INVALID", { why: "velos did not make it" });
};
