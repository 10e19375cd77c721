import type { Facility } from "../backend.ts";

/** What launchd gives, and what it does not; the rest is as without an init system. */
export const launchdFacilities = (spawn: readonly Facility[]): Facility[] => {
  const own: Facility[] = [
    {
      name: "supervision",
      ok: true,
      note: "launchd starts and reaps instances; velosd, which launchd keeps running, restarts them",
    },
    { name: "tried on a Mac", ok: false, note: "never: velos was only tested with a stand-in for launchctl" },
    {
      name: "listening sockets",
      ok: true,
      note: "held by a process of velos's own (keeper.cjs); instances of listening apps are its children, not jobs",
    },
  ];
  const names = new Set([...own.map(({ name }) => name), "supplementary groups", "control groups"]);
  return [
    ...own,
    {
      name: "process groups",
      ok: false,
      note: "an instance is its process group; a child that leaves it (setsid) is not ended with it",
    },
    ...spawn.filter(({ name }) => !names.has(name)),
  ];
};
