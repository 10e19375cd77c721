// What the man(7) macros of roff need to be told, and nothing of what the pages say.

/** Characters that roff prints as another one where they are to be typed as they stand. */
const TYPED: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** A character outside ASCII by its number: it is the same whatever encoding the reader's `man` assumes. */
const byNumber = (character: string): string =>
  `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`;

const escapeBy = (text: string, table: Readonly<Record<string, string>>): string =>
  [...text].map((character) => table[character] ?? (character > "~" ? byNumber(character) : character)).join("");

/** Words to be typed: a command, an option, a file's name. */
export const typed = (text: string): string => escapeBy(text, TYPED);

/** Words to be read, in which `what stands between backticks` is to be typed, and so is bold. */
export const prose = (text: string): string =>
  text
    .split("`")
    .map((part, position) =>
      position % 2 === 1
        ? // A hyphen at the end of a line would seem to be part of the command.
          `\\fB${part
            .split(" ")
            .map((word) => `\\%${typed(word)}`)
            .join(" ")}\\fR`
        : escapeBy(part, { "\\": "\\e", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti" }),
    )
    .join("");

export const bold = (text: string): string => `\\fB${typed(text)}\\fR`;

/** A word that stands for another one. */
export const italic = (text: string): string => `\\fI${typed(text)}\\fR`;

/** A line of text: one that begins like a request of roff is none. */
const line = (text: string): string => (/^[.']/.test(text) ? `\\&${text}` : text);

/** The lines of one paragraph, each sentence on its own, as roff wants them to set the space between them. */
const sentences = (text: string): string[] =>
  text
    .trim()
    .replace(/\s+/g, " ")
    .split(/(?<=[a-z0-9`)][.?!]) (?=[A-Z`])/)
    .map((sentence) => line(prose(sentence)));

/** A macro's argument. */
const argument = (text: string): string => `"${text.replaceAll('"', "\\(dq")}"`;

/** The head of a page; `section` as in `man 1 velos`. */
export const title = (name: string, section: number, date: string, source: string, manual: string): string[] => [
  `.TH ${[name.toUpperCase(), String(section), date, source, manual].map((word) => argument(prose(word))).join(" ")}`,
];

export const heading = (text: string): string[] => [`.SH ${argument(prose(text))}`];

export const subheading = (text: string): string[] => [`.SS ${argument(prose(text))}`];

/** Paragraphs, which an empty line parts. `isFirst`: directly below a heading, where roff has made the space. */
export const paragraphs = (text: string, isFirst = true): string[] =>
  text
    .trim()
    .split(/\n\s*\n/)
    .flatMap((paragraph, position) => [...(isFirst && position === 0 ? [] : [".PP"]), ...sentences(paragraph)]);

/** A term, which is roff already, and what it means below it. */
export const entry = (term: string, meaning: string): string[] => [".TP", line(term), ...sentences(meaning || "\\&")];

/** Lines as they are, set off. */
export const example = (lines: readonly string[]): string[] => [
  ".PP",
  ".RS 4",
  ".nf",
  ...lines.map((text) => line(typed(text))),
  ".fi",
  ".RE",
];
