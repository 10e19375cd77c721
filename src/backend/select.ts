import { statSync } from "node:fs";
import { VelosError } from "../domain/errors.ts";
import type { Paths } from "../config/paths.ts";
import type { BackendName } from "./backend.ts";

const NAMES = ["systemd", "launchd", "spawn"] as const;

/** D-Bus address of the scope's bus. */
export const busAddress = (paths: Paths, env: Readonly<Record<string, string | undefined>>): string => {
  if (paths.scope === "system") return env["DBUS_SYSTEM_BUS_ADDRESS"] || "unix:path=/run/dbus/system_bus_socket";
  return env["DBUS_SESSION_BUS_ADDRESS"] || `unix:path=${paths.managerRuntime ?? ""}/bus`;
};

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** True when systemd runs this machine and the scope's bus is there. */
const hasSystemd = (paths: Paths, env: Readonly<Record<string, string | undefined>>): boolean => {
  if (!exists("/run/systemd/system")) return false;
  const path = /^unix:path=([^,;]+)/.exec(busAddress(paths, env))?.[1];
  return path === undefined || exists(path);
};

/** True where launchd is what runs the machine. */
export const hasLaunchd = process.platform === "darwin";

/**
 * What runs instances here: as asked for with `--backend` or VELOS_BACKEND, else systemd where it runs, launchd on
 * macOS, else spawn. `reason` is set when nobody asked for it and it is the fallback.
 * @throws VelosError USAGE for an unknown name
 */
export const selectBackend = (
  asked: string | undefined,
  paths: Paths,
  env: Readonly<Record<string, string | undefined>>,
  isMac = hasLaunchd,
): { name: BackendName; reason?: string } => {
  const name = asked ?? (env["VELOS_BACKEND"] || undefined);
  if (name !== undefined) {
    const known = NAMES.find((candidate) => candidate === name);
    if (!known)
      throw new VelosError("USAGE", {
        why: `there is no backend '${name}'`,
        hint: `the backends are ${NAMES.join(", ")}`,
      });
    return { name: known };
  }
  if (isMac) return { name: "launchd" };
  if (hasSystemd(paths, env)) return { name: "systemd" };
  return { name: "spawn", reason: "systemd does not run here: velosd itself runs the instances" };
};
