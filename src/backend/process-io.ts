import { readFileSync } from "node:fs";

/** What a process moved to and from storage, in bytes; undefined where that may not be read (another user's). Linux only. */
export const processIo = (pid: number | string): { readBytes: number; writtenBytes: number } | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/io`, "latin1");
    return {
      readBytes: Number(/^read_bytes: (\d+)$/m.exec(text)?.[1]),
      writtenBytes: Number(/^write_bytes: (\d+)$/m.exec(text)?.[1]),
    };
  } catch {
    return undefined;
  }
};
