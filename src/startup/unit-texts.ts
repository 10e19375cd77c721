import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Paths, Scope } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";

/** What the units are to start, and where it keeps its things. */
export interface UnitPlace {
  paths: Paths;
  /** Absolute path of Node. */
  node: string;
  /** Absolute path of velosd. */
  program: string;
  /** Variables that velosd finds its paths by. */
  environment: Readonly<Record<string, string>>;
}

/** The first line of every file that `velos startup` writes: what has it may be replaced and removed. */
export const MARK = "# Written by `velos startup`, removed by `velos unstartup`; changes belong into `systemctl edit`.";

/** Units of velos itself, as packages install them; below the directory of the sources. */
const sources: Record<Scope, readonly string[]> = {
  system: ["velosd.socket", "velosd.service", "velos.slice"],
  user: ["user/velosd.socket", "user/velosd.service", "velos.slice"],
};

/** Where a package has its programs, and what the units of it say. */
const PACKAGED = {
  node: "/usr/bin/node",
  program: "/usr/lib/velos/velosd.cjs",
  runtime: { system: "/run/velos", user: "%t/velos" },
};

/**
 * The units of a scope with the paths of this installation, by name. The sources are those that packages install as
 * they are, so there is one text of each.
 * @param directory of the sources: `units/`
 */
export const unitTexts = (directory: string, place: UnitPlace): Map<string, string> =>
  new Map(
    sources[place.paths.scope].map((file) => {
      const name = file.slice(file.lastIndexOf("/") + 1);
      return [name, `${MARK}\n${withPaths(readFileSync(join(directory, file), "utf8"), place)}`];
    }),
  );

const withPaths = (text: string, { paths, node, program, environment }: UnitPlace): string =>
  text
    .split("\n")
    .flatMap((line) => {
      if (line.startsWith("#")) return [line];
      if (line.startsWith("ExecStart="))
        return [
          line.replace(PACKAGED.node, () => quoted(node)).replace(PACKAGED.program, () => quoted(program, true)),
          ...Object.entries(environment).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
        ];
      return [line.replaceAll(PACKAGED.runtime[paths.scope], () => runtimePath(paths))];
    })
    .join("\n");

/**
 * The directory of the socket: that which everybody has is left as it is written.
 * @throws VelosError STARTUP_FAILED where it would have to be quoted in a command that is quoted itself
 */
const runtimePath = (paths: Paths): string => {
  const usual = paths.scope === "system" ? "/run/velos" : join(paths.managerRuntime ?? "", "velos");
  const runtime = dirname(paths.socket);
  if (runtime === usual) return PACKAGED.runtime[paths.scope];
  if (PLAIN.test(runtime)) return runtime;
  throw new VelosError("STARTUP_FAILED", {
    why: `the path ${runtime} cannot be written into a unit`,
    hint: "give VELOS_HOME a path of letters, digits and . _ - / only",
  });
};

/** What needs no quotes. */
const PLAIN = /^[\w@+:,./=-]+$/;

/**
 * A word of a unit file (systemd.service(5), "Command lines"): quoted where it has to be, `%` doubled, and `$` where
 * variables are expanded.
 */
const quoted = (word: string, expanded = false): string => {
  if (PLAIN.test(word)) return word;
  const escaped = word.replaceAll("%", "%%").replaceAll("$", () => (expanded ? "$$" : "$"));
  return `"${escaped.replace(/["\\]/g, "\\$&")}"`;
};
