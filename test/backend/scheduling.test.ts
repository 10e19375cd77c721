import { describe, expect, it } from "vitest";
import { schedulingFacilities } from "../../src/backend/scheduling.ts";

/** A machine with these files; `FIRST`: its own control group namespace, not a container's. */
const machine = (files: Readonly<Record<string, string>>) => ({
  read: (path: string) => files[path],
  exists: (path: string) => path in files,
});
const on = { "/proc/sys/kernel/sched_autogroup_enabled": "1\n", "/proc/self/ns/cgroup": "cgroup:[4026531835]" };
const contained = { ...on, "/proc/self/ns/cgroup": "cgroup:[4026532000]" };
const group = (lines: string) => ({ "/proc/self/cgroup": lines });

describe("processor time", () => {
  it.each([
    [
      "a server with unified groups",
      { ...on, ...group("0::/velos.slice/velosd.service\n"), "/sys/fs/cgroup/velos.slice/cpu.weight": "100" },
      true,
    ],
    ["one whose manager has no use for the controller", { ...on, ...group("0::/velos.slice/velosd.service\n") }, false],
    ["hybrid groups, in the first", { ...on, ...group("2:cpu,cpuacct:/\n1:name=systemd:/x\n0::/x\n") }, false],
    ["hybrid groups, the controller alone", { ...on, ...group("2:cpuacct:/x\n1:cpu:/\n0::/x\n") }, false],
    ["hybrid groups, in one of its own", { ...on, ...group("3:cpuset:/\n2:cpu,cpuacct:/velos.slice\n0::/x\n") }, true],
    ["without sessions", { ...group("1:cpu:/\n0::/\n"), "/proc/sys/kernel/sched_autogroup_enabled": "0\n" }, true],
    ["a kernel that knows no sessions", group("0::/\n"), true],
    ["a container with unified groups", { ...contained, ...group("0::/\n"), "/sys/fs/cgroup/cpu.weight": "100" }, true],
    ["a container that shows nothing", { ...contained, ...group("1:cpu:/\n0::/\n") }, undefined],
    ["not Linux", {}, undefined],
  ])("%s", (_, files, ok) => {
    expect(schedulingFacilities(machine(files as Record<string, string>))[0]?.ok).toBe(ok);
  });

  it("that is shared among sessions is told with what to do", () => {
    expect(schedulingFacilities(machine({ ...on, ...group("1:cpu:/\n") }))[0]).toMatchObject({
      name: "processor time",
      note: expect.stringContaining("`sysctl kernel.sched_autogroup_enabled=0`") as string,
    });
  });
});
