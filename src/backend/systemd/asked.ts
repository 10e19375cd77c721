import { join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { fingerprint } from "../../domain/app.ts";
import { instanceEnvironment } from "../../domain/instance-environment.ts";
import { formatListen } from "../../domain/listen.ts";
import type { Scope } from "../backend.ts";
import type { Variant } from "./bus.ts";
import { Confinement } from "./confinement.ts";
import { dropInText } from "./drop-in.ts";
import { appSlice, appSocket, healthDirectory, instanceUnit, loadTable } from "./names.ts";
import { secretFile } from "./secret-files.ts";
import { instanceProperties } from "./properties.ts";
import { socketProperties } from "./sockets.ts";

export interface AskedOptions {
  scope: Scope;
  /** `/run` or `$XDG_RUNTIME_DIR`. */
  runtimeDirectory: string;
  stateDirectory: string;
  preload: string;
  /** Major version of systemd: some properties are newer than others. */
  version: number;
}

/**
 * What would be asked of systemd for an app, for people: the units, and the properties of each as D-Bus takes them. Of the
 * instances the first; the others differ by their number.
 * @throws VelosError BACKEND_FAILED for a path of the sandbox that is not there
 */
export const askedOfSystemd = async (spec: AppSpec, instances: number, options: AskedOptions): Promise<string> => {
  const { scope, runtimeDirectory, version } = options;
  const healthSocket = join(runtimeDirectory, healthDirectory(spec.name, 0), "s");
  const own = { healthSocket, loadTable: join(runtimeDirectory, loadTable(spec.name)) };
  const confinement = new Confinement(options);
  const { secret } = instanceEnvironment(spec, 0, instances);
  const environment = join(runtimeDirectory, "velos", "env", spec.name);
  const properties = instanceProperties(spec, 0, instances, {
    version,
    scope,
    places: { preload: options.preload, ...own, ...confinement.places(spec) },
    ...(Object.keys(secret).length > 0 && { secretFile: secretFile(environment, fingerprint(spec)) }),
    variablesFile: join(environment, "0.env"),
    confinement: await confinement.properties(spec, own),
  });
  const lines = (all: readonly [string, Variant][]): string =>
    all.flatMap(([name, { value }]) => valueTexts(name, value).map((text) => `${name}=${text}\n`)).join("");
  const last = instances > 1 ? ` to ${instanceUnit(spec.name, instances - 1)}` : "";
  const socket =
    spec.listen.length === 0
      ? ""
      : `# ${appSocket(spec.name)}: ${spec.listen.map(formatListen).join(", ")}\n${lines(socketProperties(spec.name, spec.listen))}\n`;
  const passed = dropInText(spec);
  const dropIn = passed === "" ? "" : `\n# a drop-in for all of them\n${passed}`;
  return `# in ${appSlice(spec.name)}\n${socket}# ${instanceUnit(spec.name, 0)}${last}\n${lines(properties)}${dropIn}`;
};

/** As unit files write them, as far as that is so; a list of words is one line, of other things one line each. */
const valueTexts = (name: string, value: unknown): string[] => {
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  if (typeof value === "bigint") return [name.endsWith("USec") ? `${Number(value) / 1000}ms` : String(value)];
  if (typeof value === "number") return [name.endsWith("Mode") ? `0${value.toString(8)}` : String(value)];
  if (!Array.isArray(value)) return [String(value)];
  if (name.startsWith("ExecStart"))
    return value.map((command) => (command as [string, string[]])[1].map(word).join(" "));
  if (name === "EnvironmentFiles")
    return value.map((entry) => `${(entry as [string, boolean])[1] ? "-" : ""}${(entry as [string, boolean])[0]}`);
  if (name === "Environment") return value.map((entry) => word(entry as string));
  if (value.every((entry) => typeof entry === "string")) return [value.join(" ")];
  return [
    value
      .map((entry) => (Array.isArray(entry) ? entry.join(" ") : String(entry)))
      .join(" ")
      .trim(),
  ];
};

const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : JSON.stringify(text));
