import type { Path } from "./misfit.ts";

/** A place in a text, both from 1; columns in UTF-16 code units, as the TOML library counts. */
export interface Place {
  line: number;
  column: number;
}

/** Where the keys and values of a document stand. */
export interface Positions {
  /** The key that ends the path; of an array's element: the element. The nearest place above when there is none. */
  key: (path: Path) => Place;
  /** The value at the path; for a table with a header: its name there. */
  value: (path: Path) => Place;
}

/**
 * Finds where keys and values stand in a document that the TOML library has accepted; it tells places only for errors
 * of syntax. Of a key that occurs several times (a table opened in parts) the first place counts.
 */
export const tomlPositions = (toml: string): Positions => {
  const scanner = new Scanner(toml);
  scanner.document();
  const find = (offsets: ReadonlyMap<string, number>, path: Path): Place => {
    for (let length = path.length; length > 0; length--) {
      const offset = (length === path.length ? offsets : scanner.keys).get(JSON.stringify(path.slice(0, length)));
      if (offset !== undefined) return placeAt(toml, offset);
    }
    return { line: 1, column: 1 };
  };
  return { key: (path) => find(scanner.keys, path), value: (path) => find(scanner.values, path) };
};

const placeAt = (text: string, offset: number): Place => {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
};

/** Walks over valid TOML once and notes the offset of every key and value, by the JSON text of its path. */
class Scanner {
  readonly keys = new Map<string, number>();
  readonly values = new Map<string, number>();
  /** Elements seen so far of each array of tables. */
  readonly #elements = new Map<string, number>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    let table: Path = [];
    for (;;) {
      this.#skip(/[\s]*(?:#[^\n]*\s*)*/y);
      if (this.#at >= this.#text.length) return;
      const start = this.#at;
      if (this.#text[this.#at] === "[") table = this.#header();
      else this.#pair(table);
      if (this.#at === start) return; // not TOML after all
    }
  }

  #header(): Path {
    const isElement = this.#text.startsWith("[[", this.#at);
    this.#at += isElement ? 2 : 1;
    const parts = this.#dottedKey();
    this.#skip(/[ \t]*\]\]?/y);
    const path: (string | number)[] = [];
    for (const [index, part] of parts.entries()) {
      path.push(part.name);
      const id = this.#note(path, part.offset, part.offset);
      const seen = this.#elements.get(id);
      if (isElement && index === parts.length - 1) {
        this.#elements.set(id, (seen ?? 0) + 1);
        path.push(seen ?? 0);
        this.#note(path, part.offset, part.offset);
      } else if (seen !== undefined) {
        path.push(seen - 1);
      }
    }
    return path;
  }

  #pair(table: Path): void {
    const parts = this.#dottedKey();
    this.#skip(/[ \t]*=[ \t]*/y);
    const path = [...table];
    for (const part of parts.slice(0, -1)) {
      path.push(part.name);
      this.#note(path, part.offset, part.offset);
    }
    const last = parts.at(-1)!;
    path.push(last.name);
    this.#note(path, last.offset, this.#at);
    this.#value(path);
  }

  #value(path: Path): void {
    switch (this.#text[this.#at]) {
      case '"':
      case "'":
        this.#string();
        return;
      case "[":
        this.#list("]", (index) => {
          const element = [...path, index];
          this.#note(element, this.#at, this.#at);
          this.#value(element);
        });
        return;
      case "{":
        this.#list("}", () => {
          this.#pair(path);
        });
        return;
      default:
        this.#skip(/[^,\]}#\n]+/y);
    }
  }

  #list(end: string, member: (index: number) => void): void {
    this.#at++;
    for (let index = 0; ; index++) {
      this.#skip(/(?:[\s,]|#[^\n]*)*/y);
      if (this.#text[this.#at] === end || this.#at >= this.#text.length) break;
      const start = this.#at;
      member(index);
      if (this.#at === start) return; // not TOML after all
    }
    this.#at++;
  }

  #string(): string {
    const start = this.#at;
    this.#skip(/"""(?:[^\\]|\\[^])*?"""(?:"{0,2})|'''[^]*?'''(?:'{0,2})|"(?:[^"\\]|\\.)*"|'[^']*'/y);
    return this.#text.slice(start, this.#at);
  }

  #dottedKey(): { name: string; offset: number }[] {
    const parts: { name: string; offset: number }[] = [];
    do {
      this.#skip(/[ \t.]*/y);
      const offset = this.#at;
      if (/["']/.test(this.#text[offset] ?? "")) {
        parts.push({ name: unquote(this.#string()), offset });
      } else {
        this.#skip(/[A-Za-z0-9_-]+/y);
        parts.push({ name: this.#text.slice(offset, this.#at), offset });
      }
    } while (this.#isNext(/[ \t]*\./y));
    return parts;
  }

  #note(path: Path, key: number, value: number): string {
    const id = JSON.stringify(path);
    if (!this.keys.has(id)) {
      this.keys.set(id, key);
      this.values.set(id, value);
    }
    return id;
  }

  #isNext(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\u001b" };

/** The name that a quoted key stands for. */
const unquote = (quoted: string): string => {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith("'")) return inner;
  return inner.replace(
    /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g,
    (_, x?: string, u?: string, long?: string, char = "") =>
      x || u || long
        ? String.fromCodePoint(Number.parseInt((x ?? u ?? long)!, 16))
        : (ESCAPES[char as string] ?? (char as string)),
  );
};
