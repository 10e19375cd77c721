import { access, constants as modes, readFile } from "node:fs/promises";
import type { Facility, Scope } from "../backend.ts";
import { schedulingFacilities } from "../scheduling.ts";
import { cgroupRoot, controllers } from "./cgroup.ts";
import { confinementFacilities } from "./confinement-facilities.ts";
import { journalAccess } from "./journal-access.ts";

const readable = async (path: string): Promise<boolean> => {
  try {
    await access(path, modes.R_OK);
    return true;
  } catch {
    return false;
  }
};

/** What this machine's systemd gives velos, and what velos does without. */
export const facilities = async (scope: Scope, version: number): Promise<Facility[]> => {
  const found = await controllers(scope);
  const has = (name: string): boolean => found.includes(name);
  const isUnified = (await cgroupRoot()) === "/sys/fs/cgroup";
  const list: Facility[] = [
    {
      name: "systemd",
      ok: version >= 252,
      note: version >= 252 ? `version ${version}` : `version ${version}; velos is tested with 252 and newer`,
    },
    {
      name: "restart backoff",
      ok: version >= 254,
      note:
        version >= 254
          ? "RestartSteps is known"
          : "RestartSteps needs systemd 254: exp_backoff_restart_delay stays at its first value",
    },
    {
      name: "control groups",
      ok: isUnified,
      note: isUnified
        ? "unified, as systemd has them"
        : "hybrid: only the unified tree is read, and controllers bound to version 1 are missing there",
    },
    {
      name: "memory controller",
      ok: has("memory"),
      note: has("memory")
        ? "memory figures and memory_max by the kernel"
        : "not in the unified tree: memory is the sum of resident sets, memory_max is not enforced",
    },
    {
      name: "cpu controller",
      ok: has("cpu"),
      note: has("cpu")
        ? "cpu_quota is enforced"
        : "not in the unified tree: cpu_quota is not enforced; CPU time is counted all the same",
    },
    {
      name: "pids controller",
      ok: has("pids"),
      note: has("pids") ? "tasks_max is enforced" : "not in the unified tree: tasks_max is not enforced",
    },
    {
      name: "io controller",
      ok: has("io"),
      note: has("io") ? "IOWeight and the like are enforced" : "not in the unified tree: no figures of storage",
    },
    ...schedulingFacilities(),
    await journalAccess(scope),
    ...(await confinementFacilities(scope)),
  ];
  if (scope === "user") list.push(await linger());
  return list;
};

const linger = async (): Promise<Facility> => {
  const user = process.getuid?.() ?? 0;
  const name = (await readFile("/etc/passwd", "utf8"))
    .split("\n")
    .find((line) => line.split(":")[2] === String(user))
    ?.split(":")[0];
  const on = name !== undefined && (await readable(`/var/lib/systemd/linger/${name}`));
  return {
    name: "linger",
    ok: on,
    note: on
      ? "apps outlive the session and start at boot"
      : "off: apps end with the last session; `loginctl enable-linger` keeps them",
  };
};
