/** One sample of an exposition. */
export interface ParsedSample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface ParsedFamily {
  name: string;
  type: string;
  help: string;
  samples: ParsedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
/** What a family's samples may be called: its name and one of these. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["", "_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  info: ["_info"],
};

/**
 * Reads an exposition as strictly as the formats are written down: each family once, with HELP and TYPE before its
 * samples, all of them together; no sample twice; `# EOF` at the end where the format wants one.
 */
export const parseExposition = (text: string, format: "text" | "openmetrics"): Map<string, ParsedFamily> => {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const lines = text.slice(0, -1).split("\n");
  const ends = lines.filter((line) => line === "# EOF").length;
  if (format === "openmetrics" && (ends !== 1 || lines.pop() !== "# EOF"))
    throw new Error("no # EOF, or not at the end");
  if (format === "text" && ends > 0) throw new Error("# EOF is not of this format");
  const families = new Map<string, ParsedFamily>();
  const seen = new Set<string>();
  let family: ParsedFamily | undefined;
  for (const line of lines) {
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (help) {
      if (families.has(help[1]!)) throw new Error(`${help[1]} comes twice`);
      family = { name: help[1]!, help: help[2]!, type: "", samples: [] };
      families.set(family.name, family);
    } else if (type) {
      if (family?.name !== type[1] || family?.type !== "") throw new Error(`TYPE without HELP: ${line}`);
      if (!(type[2]! in SUFFIXES)) throw new Error(`unknown type: ${line}`);
      family.type = type[2]!;
    } else {
      const sample = parseSample(line);
      const names = SUFFIXES[family?.type ?? ""]?.map((suffix) => `${family!.name}${suffix}`) ?? [];
      if (!names.includes(sample.name)) throw new Error(`not of the family ${family?.name}: ${line}`);
      const key = line.slice(0, line.lastIndexOf(" "));
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      family!.samples.push(sample);
    }
  }
  return families;
};

const parseSample = (line: string): ParsedSample => {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no name: ${line}`);
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === "{") {
    at++;
    while (line[at] !== "}") {
      const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,(?!\})|(?=\}))/.exec(line.slice(at));
      if (!match) throw new Error(`bad labels: ${line}`);
      if (match[1]! in labels) throw new Error(`a label twice: ${line}`);
      labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
      at += match[0].length;
    }
    at++;
  }
  const number = /^ (\S+)$/.exec(line.slice(at))?.[1];
  if (number === undefined) throw new Error(`no value: ${line}`);
  const value = number === "+Inf" ? Infinity : number === "-Inf" ? -Infinity : Number(number);
  if (Number.isNaN(value) && number !== "NaN") throw new Error(`bad value: ${line}`);
  return { name, labels, value };
};

/** All samples, by name and labels. */
export const allSamples = (families: ReadonlyMap<string, ParsedFamily>): Map<string, number> =>
  new Map(
    [...families.values()].flatMap(({ samples }) =>
      samples.map(
        ({ name, labels, value }) => [`${name} ${JSON.stringify(Object.entries(labels).sort())}`, value] as const,
      ),
    ),
  );

/** The value of the one sample of this name with at least these labels. */
export const valueOf = (
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined => {
  const found = [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  if (found.length > 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`);
  return found[0]?.value;
};
