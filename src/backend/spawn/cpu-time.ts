import { execFile } from "node:child_process";

/**
 * Reads what ps(1) calls `time`, in microseconds: `1-02:03:04` on Linux, `123:45.67` (minutes, seconds) on macOS.
 * Undefined for anything else.
 */
export const parseCpuTime = (text: string): number | undefined => {
  const found = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (!found) return undefined;
  const [days, hours, minutes, seconds] = found.slice(1, 5).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const fraction = Number((found[5] ?? "").padEnd(6, "0"));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1e6 + fraction;
};

/** CPU time of the processes together, in microseconds; those that have ended meanwhile count nothing. */
export const cpuTimeOf = async (pids: readonly number[]): Promise<number | undefined> =>
  new Promise((resolve) => {
    execFile("ps", ["-o", "time=", "-p", pids.join(",")], (error, stdout) => {
      // Its exit code only says that one of them was not there.
      const times = stdout.trim().split("\n").map(parseCpuTime);
      const isRead = stdout.trim() !== "" && times.every((time) => time !== undefined);
      resolve(isRead ? times.reduce((sum: number, time) => sum + (time ?? 0), 0) : undefined);
    });
  });
