import type { AppSpec } from "./app.ts";
import { fingerprint, hasPreload } from "./app.ts";
import { usesHealthSocket } from "./health-target.ts";
import { usesLoadTable } from "./load-table.ts";

/** Absolute paths that a backend gives to its instances. */
export interface InstancePlaces {
  /** The file that Node apps load first. */
  preload?: string;
  /** Socket at which the preload lets velosd ask this very instance for its health. */
  healthSocket?: string;
  /** File in which the app's instances tell each other their load, where they do. */
  loadTable?: string;
  /** Directory that is its app's own, where the supervisor does not say so itself. */
  stateDirectory?: string;
}

/**
 * The whole environment of one instance: the app's own variables, then what velos adds. The app wins where it sets
 * a variable of telemetry or PORT itself; the variables that say who the instance is always are velos's.
 * @param count how many instances the app has at this moment (`VELOS_INSTANCES`)
 */
export const instanceEnvironment = (
  spec: AppSpec,
  index: number,
  count: number,
  places: InstancePlaces = {},
): { visible: Record<string, string>; secret: Record<string, string> } => {
  const visible: Record<string, string> = { ...spec.env };
  const secret: Record<string, string> = {};
  for (const [name, value] of Object.entries(spec.secretEnv)) if (!Object.hasOwn(visible, name)) secret[name] = value;
  if (spec.incrementVar !== undefined) {
    const base = Number(visible[spec.incrementVar] ?? secret[spec.incrementVar] ?? "0");
    const value = String((Number.isFinite(base) ? base : 0) + index);
    delete secret[spec.incrementVar];
    visible[spec.incrementVar] = value;
  }
  visible["VELOS_APP"] = spec.name;
  visible["VELOS_INSTANCE_ID"] = String(index);
  visible["VELOS_INSTANCES"] = String(count);
  visible["NODE_APP_INSTANCE"] = String(index);
  if (spec.instanceVar !== undefined) visible[spec.instanceVar] = String(index);
  if (spec.listen.length > 0) {
    visible["VELOS_LISTEN"] = JSON.stringify(spec.listen);
    const port = spec.listen.find((address) => "port" in address);
    if (port && "port" in port && !("PORT" in visible) && !("PORT" in secret)) visible["PORT"] = String(port.port);
  }
  if (hasPreload(spec)) {
    const own = visible["NODE_OPTIONS"] ?? secret["NODE_OPTIONS"];
    delete secret["NODE_OPTIONS"];
    visible["NODE_OPTIONS"] = [`--require ${JSON.stringify(places.preload ?? "")}`, ...(own ? [own] : [])].join(" ");
    visible["VELOS_READY"] = spec.waitReady ? "message" : "listen";
    visible["VELOS_KILL_TIMEOUT"] = String(spec.killTimeoutMs);
    visible["VELOS_MAX_CONNECTION_AGE"] = String(spec.maxConnectionAgeMs);
    if (places.healthSocket !== undefined && usesHealthSocket(spec))
      visible["VELOS_HEALTH_SOCKET"] = places.healthSocket;
    if (places.loadTable !== undefined && usesLoadTable(spec)) visible["VELOS_LOAD_TABLE"] = places.loadTable;
    if (spec.shutdownWithMessage) visible["VELOS_SHUTDOWN_MESSAGE"] = "1";
  }
  if (places.stateDirectory !== undefined) visible["STATE_DIRECTORY"] = places.stateDirectory;
  visible["VELOS_SPEC"] = fingerprint(spec);
  // Supervisors let a secret win over what is visible; what velos adds is not to be won over.
  for (const name of Object.keys(visible)) delete secret[name];
  return { visible, secret };
};
