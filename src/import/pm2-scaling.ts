import type { Remark, TomlValue } from "./imported-app.ts";
import type { Pm2App } from "./pm2-app.ts";

/**
 * How many instances, and how they share their port. pm2's cluster mode does that inside of Node, for whatever port the
 * app listens on; velos has to be told the port, since it is held by the service manager.
 * @param ports the variable PORT of the app, by the tables that have it: `env`, `env_production`
 */
export const scalingOf = (
  app: Pm2App,
  ports: ReadonlyMap<string, string>,
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
  const port = portOf(ports.get("env"));
  if (port !== undefined) keys["listen"] = [String(port)];
  remarks.push(port === undefined ? withoutPort(ports) : withPort(port), ...otherPorts(port, ports));
  return keys;
};

const portOf = (text: string | undefined): number | undefined => {
  const number = text === undefined ? 0 : Number(text);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? number : undefined;
};

const withPort = (port: number): Remark => ({
  key: "listen",
  why: `taken from PORT, which the instances share; "127.0.0.1:${port}" if it is not for other machines`,
});

const withoutPort = (ports: ReadonlyMap<string, string>): Remark => {
  const [table, port] = [...ports].find(([, text]) => portOf(text) !== undefined) ?? [];
  const example = `listen = ["${portOf(port) ?? 3000}"]${table === undefined ? "" : ` as ${table} has it`}`;
  const why = `pm2's cluster mode shares whatever port the app listens on; velos has to be told it: ${example}, or only one instance gets it`;
  return { key: "listen", why };
};

/** Profiles have variables only: `listen` stays what it is, and at another port each instance would be on its own. */
const otherPorts = (port: number | undefined, ports: ReadonlyMap<string, string>): Remark[] =>
  [...ports].flatMap(([table, text]) => {
    const other = portOf(text);
    if (port === undefined || other === undefined || other === port) return [];
    const profile = table.slice("env_".length);
    const why = `${other}, but listen holds ${port} whatever the profile: with \`--env ${profile}\` only one instance would get ${other}; write listen = ["${other}"] if that profile is what runs here, or take PORT out of it`;
    return [{ key: `${table}.PORT`, why }];
  });

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
