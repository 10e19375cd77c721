import { basename, relative } from "node:path";
import type { AppSpec, HealthCheck } from "../domain/app.ts";
import type { Remarks } from "./exported.ts";
import { portOf } from "./exported.ts";

/** Where an app's directory is in its image. */
export const APP_DIRECTORY = "/app";

/** What an app is as a container. */
export interface Container {
  command: string[];
  workingDir: string;
  env: Record<string, string>;
  /** Names of the variables that are kept out of files. */
  secrets: string[];
}

/** Variables of this machine, which an image has its own of. */
const OF_THE_MACHINE = new Set(["PATH", "HOME", "USER", "LOGNAME", "LANG"]);

/** Directories that images have too: programs in them are called by their names. */
const USUAL = /^\/(?:usr\/(?:local\/)?)?s?bin\/[^/]+$/;

/** An app as a container: its directory becomes /app, its interpreter the one of the image. */
export const containerOf = (spec: AppSpec, remarks: Remarks): Container => {
  const { cwd, program, interpreter, args } = spec;
  const inside = (word: string): string => {
    if (word === cwd) return APP_DIRECTORY;
    return word.startsWith(`${cwd}/`) ? relative(cwd, word) : word;
  };
  const isUsual = interpreter !== undefined || USUAL.test(program);
  const first = isUsual ? (interpreter ?? basename(program)) : commandPath(inside(program));
  if (!isUsual && !program.startsWith(`${cwd}/`)) remarks.add("command", `${program} has to be in the image`);
  const outside = spec.script !== undefined && !spec.script.startsWith(`${cwd}/`) ? spec.script : undefined;
  if (outside !== undefined) remarks.add("script", `${outside} is not below ${cwd}; it has to be in the image`);
  const env = Object.fromEntries(Object.entries(spec.env).filter(([name]) => !OF_THE_MACHINE.has(name)));
  const port = portOf(spec);
  const secrets = Object.keys(spec.secretEnv);
  if (port !== undefined && env["PORT"] === undefined && !secrets.includes("PORT")) env["PORT"] = String(port);
  return { command: [first, ...args.map(inside)], workingDir: APP_DIRECTORY, env, secrets };
};

const commandPath = (path: string): string => (path.startsWith("/") ? path : `./${path}`);

/** What of an app has no counterpart where each instance is a container of its own. */
export const remarkOnContainer = (spec: AppSpec, remarks: Remarks): void => {
  for (const address of spec.listen) {
    if ("path" in address) remarks.add("listen", `${address.path}: a socket of this machine; give it a port`);
  }
  if (spec.listen.length > 0) {
    remarks.add("listen", "instances do not share a socket there: the app itself listens on PORT, on all addresses");
  }
  if (spec.incrementVar !== undefined) {
    remarks.add("increment_var", `every instance gets ${spec.incrementVar} as it is: each has a network of its own`);
  }
  if (spec.instanceVar !== undefined) remarks.add("instance_var", "instances have no numbers there");
  if (spec.watch.length > 0) remarks.add("watch", "the files of an image do not change");
  if (spec.maxMemoryRestartBytes !== undefined && spec.memoryMaxBytes === undefined) {
    remarks.add("max_memory_restart", "there is no graceful restart by memory there; memory_max is the hard limit");
  }
  if (spec.shutdownWithMessage) remarks.add("shutdown_with_message", "the signal is all that a container is sent");
  if (spec.waitReady && spec.health === undefined) {
    remarks.add("wait_ready", "nobody hears READY=1 there; a health check says when it is ready");
  }
  if (spec.credentials !== undefined) {
    remarks.add(
      "credentials",
      `mount ${Object.keys(spec.credentials).join(", ")} as files, and set CREDENTIALS_DIRECTORY`,
    );
  }
  if (Object.keys(spec.systemd).length > 0) {
    remarks.add("systemd", `settings of units: ${Object.keys(spec.systemd).join(", ")}`);
  }
};

/** A health check as a container takes it: by a path and a port, a port alone, or a command. */
export type Probe =
  | { kind: "http"; path: string; port: number; scheme: "HTTP" | "HTTPS" }
  | { kind: "tcp"; port: number }
  | { kind: "command"; words: string[] };

/** How an app is asked for its health; undefined where nothing is said of it, or it cannot be had there. */
export const probeOf = (spec: AppSpec, remarks: Remarks): Probe | undefined => {
  const { health } = spec;
  if (health === undefined) return undefined;
  if (health.command) return { kind: "command", words: health.command };
  const port = portOf(spec);
  const text = filled(health, spec);
  if (health.tcp !== undefined) {
    const number = Number(/:(\d+)$/.exec(text)?.[1]);
    if (Number.isInteger(number)) return { kind: "tcp", port: number };
  } else if (text.startsWith("/") && port !== undefined) {
    return { kind: "http", path: text, port, scheme: "HTTP" };
  } else if (URL.canParse(text)) {
    const url = new URL(text);
    const isTls = url.protocol === "https:";
    const of = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
    return { kind: "http", path: `${url.pathname}${url.search}`, port: of, scheme: isTls ? "HTTPS" : "HTTP" };
  }
  remarks.add("health", `its port is not known: set PORT in env, or listen`);
  return undefined;
};

const filled = (health: HealthCheck, { env }: AppSpec): string =>
  (health.http ?? health.tcp ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole);
