import type { Remark, TomlValue } from "./imported-app.ts";
import type { Pm2App } from "./pm2-app.ts";

/**
 * How many instances, and how they share their port. pm2's cluster mode does that inside of Node, for whatever port the
 * app listens on; velos has to be told the port, since it is held by the service manager.
 * @param port the variable PORT of the app
 */
export const scalingOf = (
  app: Pm2App,
  port: string | undefined,
  processors: number,
  remarks: Remark[],
): Record<string, TomlValue> => {
  const keys: Record<string, TomlValue> = {};
  const instances = instancesOf(app["instances"], processors, remarks);
  if (instances !== undefined && instances !== 1) keys["instances"] = instances;
  const { increment_var: increment, instance_var: instance } = app;
  if (typeof increment === "string") keys["increment_var"] = increment;
  // velos sets NODE_APP_INSTANCE anyway.
  if (typeof instance === "string" && instance !== "NODE_APP_INSTANCE") keys["instance_var"] = instance;
  if (!isCluster(app) || instances === undefined || instances === 1 || increment === "PORT") return keys;
  const number = Number(port);
  if (port !== undefined && Number.isInteger(number) && number > 0 && number < 65_536) {
    keys["listen"] = [String(number)];
    const why = `taken from PORT, which the instances share; "127.0.0.1:${number}" if it is not for other machines`;
    remarks.push({ key: "listen", why });
  } else {
    const why =
      'pm2\'s cluster mode shares whatever port the app listens on; velos has to be told it: listen = ["3000"], or only one instance gets it';
    remarks.push({ key: "listen", why });
  }
  return keys;
};

/** As pm2 decides it: by exec_mode, else cluster for Node with a number of instances. */
const isCluster = (app: Pm2App): boolean => {
  const { exec_mode: mode, exec_interpreter: interpreter, instances, script } = app;
  if (typeof mode === "string") return mode.startsWith("cluster");
  const isNode =
    typeof interpreter === "string"
      ? /(?:^|\/)(?:node|bun)(?:@|$)/.test(interpreter)
      : typeof script === "string" && /\.(?:[cm]?[jt]sx?)$/.test(script);
  return isNode && (typeof instances === "number" || typeof instances === "string");
};

/** `max` and 0 are one per processor; below 0 it is so many less than processors. */
const instancesOf = (value: unknown, processors: number, remarks: Remark[]): number | "max" | undefined => {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  if (value === "max") return "max";
  const number = typeof value === "number" ? value : Number.parseInt(value, 10) || 0;
  if (number === 0) return "max";
  if (number > 0) return Math.trunc(number);
  const count = Math.max(1, processors + Math.trunc(number));
  const why = `pm2's ${number} means so many less than processors, which is ${count} on this machine (${processors}); "max" is one for each`;
  remarks.push({ key: "instances", why });
  return count;
};
