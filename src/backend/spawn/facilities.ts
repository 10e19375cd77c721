import type { Facility } from "../backend.ts";
import { schedulingFacilities } from "../scheduling.ts";
import { setprivPath } from "./account.ts";
import { hasProc } from "./process-table.ts";

/** What there is without an init system, and what there is not. */
export const spawnFacilities = (): Facility[] => [
  { name: "supervision", ok: true, note: "velosd restarts instances itself; while velosd is away nobody does" },
  { name: "limits", ok: false, note: "memory_max, cpu_quota and tasks_max are not enforced; max_memory_restart is" },
  {
    name: "control groups",
    ok: false,
    note: "an instance is its process group; a child that leaves it (setsid) is not ended with it",
  },
  {
    name: "listening sockets",
    ok: true,
    note: "held by a process of velos's own (keeper.cjs), which outlives velosd; instances of listening apps are its children",
  },
  ...schedulingFacilities(),
  { name: "boot", ok: false, note: "nothing is started at boot unless velosd is" },
  { name: "usage", ok: hasProc, note: hasProc ? "from /proc" : "memory, processor time and processes, by ps" },
  {
    name: "supplementary groups",
    ok: setprivPath() !== undefined,
    note: setprivPath()
      ? "set with setpriv for instances with a user"
      : "instances with a user have its primary group only: there is no setpriv",
  },
];
