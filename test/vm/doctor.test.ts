import { describe, expect, it } from "vitest";
import { inMachine } from "./machine.ts";

interface Scope {
  facilities: Record<string, { ok: boolean; note: string }>;
  /** What the strict instance found of itself. */
  found: { uid: number; homes: string[]; etc: string; state: string; secret: string };
  exposure: { strict: number; plain: number };
}

interface Report {
  controllers: string[];
  scopes: { system: Scope; user: Scope };
}

describe.each([
  ["bookworm", 252],
  ["trixie", 257],
])("Debian %s, systemd %i, unified control groups", (suite, version) => {
  it("doctor tells what is there in both scopes, and strict apps are as far off as they should be", async () => {
    const copies = ["--copy", "dist", "--copy", "test/vm/guest"];
    const options = ["--suite", suite, ...copies, "--timeout", "900"];
    const { controllers, scopes } = await inMachine<Report>(
      "doctor",
      ...options,
      "--",
      "node",
      "/src/guest/doctor.mjs",
    );
    const { system, user } = scopes;
    process.stderr.write(
      `    · ${suite}: exposure of strict ${system.exposure.strict}, user ${user.exposure.strict}; ` +
        `where nothing is said ${system.exposure.plain}, user ${user.exposure.plain}\n`,
    );

    for (const { facilities } of [system, user]) {
      expect(facilities["systemd"]!.note).toBe(`version ${version}`);
      expect(facilities["restart backoff"]!.ok).toBe(version >= 254);
      expect(facilities["control groups"]!.ok).toBe(true);
      for (const name of ["memory controller", "pids controller", "secrets", "sandbox"])
        expect(facilities[name], name).toMatchObject({ ok: true });
    }
    for (const name of ["cpu", "io"])
      expect(system.facilities[`${name} controller`]!.ok).toBe(controllers.includes(name));
    expect(user.facilities["linger"]!.ok).toBe(true);
    expect(system.facilities["linger"]).toBeUndefined();

    expect(system.found).toMatchObject({ homes: [], etc: "EROFS", state: "done", secret: "of-the-text" });
    expect(system.found.uid).toBeGreaterThanOrEqual(61184);
    expect(user.found).toMatchObject({ uid: 1000, etc: "EROFS", state: "done", secret: "of-the-text" });
    expect(system.exposure.strict).toBeLessThanOrEqual(2.5);
    expect(system.exposure.plain).toBeLessThanOrEqual(6);
    expect(user.exposure.strict).toBeLessThanOrEqual(3);
  });
});
