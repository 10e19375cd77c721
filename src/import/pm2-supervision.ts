import { formatDuration } from "../config/duration.ts";
import type { Remark, TomlValue } from "./imported-app.ts";
import type { Pm2App } from "./pm2-app.ts";
import { booleanOf, numberOf, readOrTell } from "./pm2-values.ts";

/** Reads the value of a key; undefined when nothing can be made of it. */
type Reader = (value: unknown) => TomlValue | undefined;

/** One or a list, as text. What is neither a word nor a number means nothing to pm2 either. */
const words = (value: unknown): string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value])
    .filter((one) => typeof one === "string" || typeof one === "number")
    .map(String);

const nonEmpty = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);

/** A plain number is milliseconds, as here. Whether velos takes another text is for it to say. */
const duration: Reader = (value) => {
  const number = numberOf(value);
  if (number !== undefined) return formatDuration(Math.round(Math.max(0, number)));
  return typeof value === "string" ? value : undefined;
};

/** A plain number is bytes, as here. */
const memory: Reader = (value) => {
  if (typeof value === "number") return Math.round(value);
  return typeof value === "string" ? value : undefined;
};

const stopCodes: Reader = (value) => {
  const codes = (Array.isArray(value) ? (value as unknown[]) : [value]).map(numberOf);
  return codes.every((code) => code !== undefined) ? codes : undefined;
};

const watched: Reader = (value) => booleanOf(value) ?? nonEmpty(words(value));

const DURATION = "a number of milliseconds";
const FLAG = "true or false";

/** What keys of pm2 are here, how they are read, and what they should be. */
const READERS: readonly (readonly [from: string, to: string, read: Reader, expects: string])[] = [
  ["autorestart", "autorestart", booleanOf, FLAG],
  ["wait_ready", "wait_ready", booleanOf, FLAG],
  ["shutdown_with_message", "shutdown_with_message", booleanOf, FLAG],
  ["max_restarts", "max_restarts", numberOf, "a number"],
  ["kill_timeout", "kill_timeout", duration, DURATION],
  ["listen_timeout", "listen_timeout", duration, DURATION],
  ["restart_delay", "restart_delay", duration, DURATION],
  ["exp_backoff_restart_delay", "exp_backoff_restart_delay", duration, DURATION],
  ["min_uptime", "min_uptime", duration, DURATION],
  ["stop_exit_codes", "stop_exit_codes", stopCodes, "an array of exit codes"],
  ["max_memory_restart", "max_memory_restart", memory, 'a size such as "300M"'],
  ["watch", "watch", watched, "true, false or an array of paths"],
  ["ignore_watch", "watch_ignore", (value) => nonEmpty(words(value)), "an array of names or patterns"],
];

/** How an app is kept running: restarts, limits, watching, readiness. */
export const supervisionOf = (app: Pm2App, remarks: Remark[]): Record<string, TomlValue> => {
  const keys: Record<string, TomlValue> = {};
  for (const [from, to, read, expects] of READERS) {
    if (isNothing(from, app[from])) continue;
    const value = readOrTell(from, app[from], read, expects, remarks);
    if (value !== undefined) keys[to] = value;
  }
  return { ...keys, ...cronOf(app, remarks), ...treeOf(app, remarks) };
};

/** An empty list asks for nothing, and so does what turns watching off: nobody needs to hear of it. */
const isNothing = (key: string, value: unknown): boolean =>
  (Array.isArray(value) && value.length === 0) ||
  (key.endsWith("watch") && (value === "" || booleanOf(value) === false));

/** 0 is how pm2 is told to take a cron expression back. */
const cronOf = (app: Pm2App, remarks: Remark[]): Record<string, TomlValue> => {
  const { cron_restart: written } = app;
  if (written === 0 || written === "0" || written === false) return {};
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const cron = readOrTell("cron_restart", written, text, "one cron expression", remarks);
  return cron === undefined ? {} : { cron_restart: cron };
};

/** What is started and ended along with the app. */
const treeOf = (app: Pm2App, remarks: Remark[]): Record<string, TomlValue> => {
  const isTree = readOrTell("treekill", app["treekill"], booleanOf, FLAG, remarks);
  const isStarted = readOrTell("autostart", app["autostart"], booleanOf, FLAG, remarks);
  if (isTree === false) {
    remarks.push({ key: "treekill", why: "false is KillMode=process here: what the main process has started stays" });
  }
  if (isStarted === false) {
    const why =
      "false has no counterpart: leave the app out with `velos apply --only`, or `velos stop` it once, which lasts";
    remarks.push({ key: "autostart", why });
  }
  return isTree === false ? { systemd: { KillMode: "process" } } : {};
};
