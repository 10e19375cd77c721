import { beforeAll, describe, expect, it } from "vitest";
import { inMachine } from "./machine.ts";

/** What the machine found: velos's samples, and what `systemctl show` says of the same units. */
interface Figures {
  samples: Record<string, number>;
  systemd: Record<"burn" | "hold", { cpuSeconds: number; memoryBytes: number }>;
  tasks: number;
  version: string;
}

const copies = ["--copy", "dist", "--copy", "test/vm/guest"];

let figures: Figures;
beforeAll(async () => {
  figures = await inMachine("figures", ...copies, "--timeout", "800", "--", "node", "/src/guest/figures.mjs");
});

const sample = (name: string, app: string, more = ""): number =>
  figures.samples[`${name}{name="${app}",instance="0"${more}}`]!;
const cpuSeconds = (app: string): number =>
  sample("velos_process_cpu_seconds_total", app, ',mode="user"') +
  sample("velos_process_cpu_seconds_total", app, ',mode="system"');
const difference = (ours: number, theirs: number): number => Math.abs(ours - theirs) / theirs;

describe("with every controller of cgroup v2", () => {
  it("CPU time equals systemd's within 1 %, two children included", () => {
    const { cpuSeconds: theirs } = figures.systemd.burn;
    process.stderr.write(`    · ${figures.version}; CPU time: velos ${cpuSeconds("burn")} s, systemd ${theirs} s\n`);
    expect(theirs).toBeGreaterThan(5);
    expect(difference(cpuSeconds("burn"), theirs)).toBeLessThan(0.01);
  });

  it("memory equals systemd's within 1 %, of a process that holds 200 MB", () => {
    const { memoryBytes: theirs } = figures.systemd.hold;
    const ours = sample("velos_process_memory_bytes", "hold");
    process.stderr.write(`    · memory: velos ${ours}, systemd ${theirs}\n`);
    expect(theirs).toBeGreaterThan(200e6);
    expect(difference(ours, theirs)).toBeLessThan(0.01);
    expect(difference(sample("velos_process_memory_bytes", "burn"), figures.systemd.burn.memoryBytes)).toBeLessThan(
      0.01,
    );
  });

  it("the other figures of memory are there, and agree with each other", () => {
    const memory = sample("velos_process_memory_bytes", "hold");
    expect(sample("velos_process_memory_limit_bytes", "hold")).toBe(1024 ** 3);
    expect(sample("velos_process_memory_peak_bytes", "hold")).toBeGreaterThanOrEqual(memory);
    expect(sample("velos_process_memory_working_set_bytes", "hold")).toBeLessThanOrEqual(memory);
    expect(sample("velos_process_memory_working_set_bytes", "hold")).toBeGreaterThan(200e6);
    // No limit, no sample.
    expect(sample("velos_process_memory_limit_bytes", "burn")).toBeUndefined();
  });

  it("tasks, bytes of storage and pressure come from the control group", () => {
    expect(sample("velos_process_tasks", "burn")).toBe(figures.tasks);
    expect(sample("velos_process_io_bytes_total", "hold", ',direction="read"')).toBeGreaterThanOrEqual(0);
    for (const resource of ["cpu", "memory", "io"]) {
      expect(sample("velos_process_pressure_seconds_total", "burn", `,resource="${resource}"`)).toBeGreaterThanOrEqual(
        0,
      );
    }
  });

  it("a kill for want of memory is counted, though its control group is gone", () => {
    expect(sample("velos_process_exits_total", "eat", ',reason="oom"')).toBe(1);
    expect(sample("velos_process_oom_kills_total", "eat")).toBeGreaterThanOrEqual(1);
  });
});
