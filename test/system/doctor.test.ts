import { readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "./velos.ts";
import { must, velos, velosAsTester } from "./velos.ts";

interface Facility {
  name: string;
  ok: boolean;
  note: string;
}

const facilities = async (by: (...args: string[]) => Promise<Outcome>): Promise<Record<string, Facility>> => {
  const { stdout, code } = await by("doctor", "--json");
  expect(code).toBe(0);
  const found = (JSON.parse(stdout) as { facilities: Facility[] }).facilities;
  return Object.fromEntries(found.map((facility) => [facility.name, facility]));
};

describe("velos doctor", () => {
  beforeAll(async () => {
    await must("loginctl", "enable-linger", "tester");
    await must("systemctl", "start", "user@1000.service");
  });
  afterAll(async () => {
    await must("mount", "--make-rprivate", "/");
    await velosAsTester("kill");
    await velos("kill");
  });

  it("tells what the machine's control groups give", async () => {
    const mounts = await readFile("/proc/self/mountinfo", "utf8");
    const isUnified = / \/sys\/fs\/cgroup .* - cgroup2 /.test(mounts);
    const found = await facilities(velos);
    expect(found["control groups"]!.ok).toBe(isUnified);
    const root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
    const controllers = (await readFile(`${root}/cgroup.controllers`, "utf8")).trim().split(" ");
    for (const name of ["memory", "cpu", "pids", "io"])
      expect(found[`${name} controller`]!.ok, name).toBe(controllers.includes(name));
    expect(found["linger"]).toBeUndefined();
  });

  it("tells whether logs can be read, and linger is on", async () => {
    const found = await facilities(velosAsTester);
    expect(found["journal"]).toMatchObject({ ok: true, note: "logs can be read, and outlive a reboot" });
    expect(found["linger"]!.ok).toBe(true);
    // By loginctl the user's manager would end with it.
    await rm("/var/lib/systemd/linger/tester");
    expect((await facilities(velosAsTester))["linger"]).toMatchObject({ ok: false });
    await writeFile("/var/lib/systemd/linger/tester", "");
  });

  it("tells what sandboxes and secrets are to be had", async () => {
    await must("mount", "--make-rprivate", "/");
    expect((await facilities(velos))["secrets"]!.note).toMatch(
      /^apps with credentials are refused: \/run is a private/,
    );
    await must("mount", "--make-rshared", "/");
    expect((await facilities(velos))["secrets"]!.ok).toBe(true);
    expect((await facilities(velos))["sandbox"]!.note).toBe("every profile");
    expect((await facilities(velosAsTester))["sandbox"]).toMatchObject({ ok: true });
  });
});
