import { formatDuration } from "../config/duration.ts";
import type { Remark, TomlValue } from "./imported-app.ts";
import type { Pm2App } from "./pm2-app.ts";

/** Keys that are the same here, with durations in milliseconds. */
const DURATIONS = [
  "kill_timeout",
  "listen_timeout",
  "restart_delay",
  "exp_backoff_restart_delay",
  "min_uptime",
] as const;
const SAME = ["autorestart", "wait_ready", "shutdown_with_message", "max_restarts"] as const;

/** How an app is kept running: restarts, limits, watching, readiness. */
export const supervisionOf = (app: Pm2App, remarks: Remark[]): Record<string, TomlValue> => {
  const keys: Record<string, TomlValue> = {};
  for (const key of SAME) {
    const value = app[key];
    if (typeof value === "boolean" || typeof value === "number") keys[key] = value;
  }
  for (const key of DURATIONS) {
    const value = app[key];
    if (typeof value === "number" && Number.isFinite(value)) keys[key] = formatDuration(Math.round(Math.max(0, value)));
    else if (typeof value === "string") keys[key] = value;
  }
  Object.assign(keys, stopCodes(app["stop_exit_codes"]), memory(app["max_memory_restart"]), watching(app));
  const cron = app["cron_restart"];
  if (typeof cron === "string" && cron !== "0") keys["cron_restart"] = cron;
  if (app["treekill"] === false) {
    keys["systemd"] = { KillMode: "process" };
    remarks.push({ key: "treekill", why: "false is KillMode=process here: what the main process has started stays" });
  }
  if (app["autostart"] === false) {
    const why =
      "false has no counterpart: leave the app out with `velos apply --only`, or `velos stop` it once, which lasts";
    remarks.push({ key: "autostart", why });
  }
  return keys;
};

/** One or a list, as text. What is neither a word nor a number means nothing to pm2 either. */
const words = (value: unknown): string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value])
    .filter((one) => typeof one === "string" || typeof one === "number")
    .map(String);

const stopCodes = (value: unknown): Record<string, TomlValue> => {
  const codes = words(value).map(Number).filter(Number.isInteger);
  return value === undefined || codes.length === 0 ? {} : { stop_exit_codes: codes };
};

/** A plain number is bytes, as here. */
const memory = (value: unknown): Record<string, TomlValue> => {
  if (typeof value === "number") return { max_memory_restart: Math.round(value) };
  return typeof value === "string" ? { max_memory_restart: value } : {};
};

const watching = (app: Pm2App): Record<string, TomlValue> => {
  const { watch, ignore_watch: ignored } = app;
  const leftOut = words(ignored);
  return {
    ...(watch === true && { watch }),
    ...((typeof watch === "string" || Array.isArray(watch)) && { watch: words(watch) }),
    ...(leftOut.length > 0 && { watch_ignore: leftOut }),
  };
};
