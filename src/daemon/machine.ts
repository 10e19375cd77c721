import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Paths } from "../config/paths.ts";

/** Tells this machine and scope from all others. Only hashes of it leave the machine: machine-id(5) asks for that. */
export const placeOf = ({ scope, state }: Paths): string => `${machineId()}/${scope}${state}`;

const machineId = (): string => {
  for (const path of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    try {
      const id = readFileSync(path, "utf8").trim();
      if (/^[0-9a-f]{32}$/.test(id)) return id;
    } catch {
      // Containers often have none.
    }
  }
  return hostname();
};
