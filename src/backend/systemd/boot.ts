import type { Facility } from "../backend.ts";
import { BusError } from "./bus.ts";
import type { Manager } from "./manager.ts";
import { daemonService } from "./names.ts";

/** Whether what runs comes back after a reboot. */
export const bootFacility = async (manager: Manager): Promise<Facility> => {
  const state = await manager.unitFileState(daemonService).catch((error: unknown) => {
    // There is no file, or none that could be enabled.
    if (error instanceof BusError) return "absent";
    throw error;
  });
  const ok = state === "enabled";
  return {
    name: "boot",
    ok,
    note: ok
      ? "velosd is started at boot, and with it what runs now"
      : "velosd is not started at boot: what runs comes back with the first command; `velos startup` changes that",
  };
};
