import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DescriptorBudget } from "../../src/backend/kept-files.ts";
import { ProcessFiles } from "../../src/backend/process-files.ts";
import { readProcess } from "../../src/backend/spawn/process-table.ts";

const filesOf = (pid: number): ProcessFiles => new ProcessFiles(`/proc/${pid}`, new DescriptorBudget());

describe.skipIf(process.platform !== "linux")("what /proc tells of a process", () => {
  it("is the same by files that are kept open", () => {
    const files = filesOf(process.pid);
    for (let look = 0; look < 3; look++) {
      const known = readProcess(process.pid)!;
      const { userTicks, ...entry } = files.stat()!;
      expect(entry).toMatchObject({ pid: known.pid, startTime: known.startTime, threads: known.threads });
      expect(userTicks).toBeLessThanOrEqual(entry.cpuTicks);
      expect(Math.abs(files.residentPages()! - known.residentPages)).toBeLessThan(known.residentPages / 2);
      expect(files.io()).toEqual({
        readBytes: expect.any(Number) as number,
        writtenBytes: expect.any(Number) as number,
      });
      expect(Math.abs(files.openDescriptors()! - readdirSync("/proc/self/fd").length)).toBeLessThanOrEqual(3);
    }
    files.close();
  });

  it("is nothing once the process has ended, also where its files are open", async () => {
    const child = spawn("sleep", ["1000"]);
    const files = filesOf(child.pid!);
    expect(files.stat()).toMatchObject({ pid: child.pid });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(files.stat()).toBeUndefined();
    expect(files.isGone).toBe(true);
    files.close();
    expect(filesOf(2 ** 22 + 1).stat()).toBeUndefined();
  });

  it("leaves no descriptor open when it is closed, and opens none beyond the budget", () => {
    const before = readdirSync("/proc/self/fd").length;
    const budget = new DescriptorBudget();
    const left: boolean[] = [];
    while (budget.take()) left.push(true);
    const files = new ProcessFiles(`/proc/${process.pid}`, budget);
    expect(files.stat()).toBeDefined();
    expect(files.io()).toBeDefined();
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    for (const _ of left) budget.giveBack();
    expect(files.stat()).toBeDefined();
    expect(readdirSync("/proc/self/fd").length).toBe(before + 1);
    files.close();
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });
});
