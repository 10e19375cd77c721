import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { cpuTimeOf, parseCpuTime } from "../../../src/backend/spawn/cpu-time.ts";
import { portableUsage, usageOf } from "../../../src/backend/spawn/usage.ts";

test.each([
  ["00:00:00", 0],
  [" 01:02:03", 3_723e6],
  ["1-02:03:04", 93_784e6],
  ["0:00.37", 370_000],
  ["123:45.67", 7_425_670_000],
  ["-", undefined],
  ["", undefined],
])("the time of ps: %s", (text, usec) => {
  expect(parseCpuTime(text)).toBe(usec);
});

test("of what is not there, there is no time", async () => {
  expect(await cpuTimeOf([2 ** 30])).toBeUndefined();
});

test("what a tree uses is found without /proc too", async () => {
  const busy = "while (process.cpuUsage().user < 1_200_000); console.log('done'); setInterval(() => {}, 1e6)";
  const child = spawn("/bin/sh", ["-c", `"${process.execPath}" -e "${busy}" & wait`], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  try {
    await once(child.stdout, "data");
    const [portable, exact] = [await portableUsage(child.pid!), await usageOf(child.pid!)];
    expect(portable.tasks).toBe(2);
    // ps counts whole seconds here.
    expect(portable.cpuUsec).toBeGreaterThanOrEqual(1e6);
    expect(Math.abs(portable.cpuUsec! - exact.cpuUsec!)).toBeLessThan(1.5e6);
    expect(Math.abs(portable.memoryBytes! - exact.memoryBytes!)).toBeLessThan(exact.memoryBytes! / 2);
  } finally {
    process.kill(-child.pid!, "SIGKILL");
  }
});
