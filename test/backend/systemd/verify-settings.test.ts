import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { complaints, refusedSettings } from "../../../src/backend/systemd/verify-settings.ts";

const version = ((): number => {
  try {
    return Number(/^systemd (\d+)/.exec(execFileSync("systemd-analyze", ["--version"], { encoding: "utf8" }))?.[1]);
  } catch {
    return 0;
  }
})();
const refused = (systemd: Parameters<typeof refusedSettings>[0]["systemd"], env = process.env) =>
  refusedSettings({ systemd }, "system", env);

describe.skipIf(version < 250)("what this machine's systemd says", () => {
  it("names the properties that it would ignore", async () => {
    const wrong = await refused({ IOWeight: 50, Nice: "abc", ProtectSytem: "strict", PrivateTmp: "maybe", Nicer: 5 });
    expect(wrong.map(({ name }) => name)).toEqual(["Nice", "ProtectSytem", "PrivateTmp", "Nicer"]);
    expect(wrong[0]!.why).toMatch(/^Failed to parse nice priority 'abc': Invalid argument$/);
    expect(wrong[1]!.why).toMatch(/^Unknown key '?ProtectSytem'? in section \[Service\]$/);
  });

  it("has nothing against what it takes, be it old, a list, of several lines or with specifiers", async () => {
    const fine = {
      IOWeight: 50,
      NonBlocking: false,
      Environment: ["A=1", "B=2"],
      MemoryLimit: "1G",
      StateDirectory: "velos-%i",
      ExecStartPre: "/nonexistent/program \\\n  word",
      Nice: 5,
    };
    expect(await refused(fine)).toEqual([]);
    expect((await refused({ ...fine, CPUQuota: "x" })).map(({ name }) => name)).toEqual(["CPUQuota"]);
  });
});

it("nothing is refused where nobody can say, or nothing was asked", async () => {
  expect(await refused({ Nice: "abc" }, { PATH: "/nonexistent" })).toEqual([]);
  expect(await refused({})).toEqual([]);
});

it("only lines of the settings count, and only what ignores one", () => {
  const said = [
    "/etc/systemd/system/other.service:4: Unknown key 'X' in section [Service], ignoring.",
    "/t/u.service:5: Unknown key name 'Y' in section 'Service', ignoring.",
    "/t/u.service:4: Unit uses MemoryLimit=; please use MemoryMax= instead.",
    "/t/u.service:3: Failed to parse, ignoring: x",
    "u.service: Command /nonexistent is not executable: No such file or directory",
  ].join("\n");
  const lines = ["MemoryLimit", "Y"].map((name) => ({ name, text: `${name}=1` }));
  expect(complaints(said, "/t/u.service", lines)).toEqual([
    { name: "Y", why: "Unknown key name 'Y' in section 'Service'" },
  ]);
});
