import { expect } from "vitest";

interface Scope {
  units: string[];
  seconds: { ready: number; started: number[]; up: number[] };
  told: Record<string, string>;
  answer: boolean;
  exposure?: string;
}

/** What test/vm/guest/reboot.mjs prints after the reboot. */
export interface RebootReport {
  version: string;
  /** What `node -e 0` takes in the machine. */
  nodeSeconds: number;
  /** What `systemd-analyze verify` says. */
  faults: string[];
  system: Scope;
  user: Scope;
}

const longest = (seconds: readonly number[]): string => Math.max(...seconds).toFixed(1);

/** Everything that ran runs again, and nothing else; tells how long that took. */
export const expectRebooted = (report: RebootReport): void => {
  for (const [name, scope] of Object.entries({ system: report.system, user: report.user })) {
    const { ready, started, up } = scope.seconds;
    process.stderr.write(
      `    · ${report.version}, ${name} scope, seconds after velosd's start on a machine where node -e 0 takes ` +
        `${report.nodeSeconds.toFixed(2)} s: ready ${ready.toFixed(1)}, all started ${longest(started)}, all up ${longest(up)}\n`,
    );
    expect(scope.units).toEqual(
      ["web@0", "web@1", "worker@0", "worker@2", "worker@3"].map((unit) => `velos-${unit}.service`),
    );
    // As before: `scale` and `stop` of one instance included, and nobody has saved anything.
    expect(scope.told).toEqual({
      "web:0": "online",
      "web:1": "online",
      "worker:0": "online",
      "worker:1": "stopped",
      "worker:2": "online",
      "worker:3": "online",
      "still:0": "stopped",
      "still:1": "stopped",
    });
    expect(scope.answer).toBe(true);
  }
  expect(report.faults).toEqual([]);
  const exposure = Number(/([\d.]+) [A-Z]/.exec(report.system.exposure!)?.[1]);
  expect(exposure).toBeGreaterThan(0);
  expect(exposure).toBeLessThanOrEqual(5);
};
