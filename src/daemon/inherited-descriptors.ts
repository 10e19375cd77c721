import { closeSync, readdirSync, readFileSync } from "node:fs";

/** Node marks these as not to be handed on when it starts (uv_disable_stdio_inheritance), and those that follow without a gap. */
const MARKED_BY_NODE = 16;

/** O_CLOEXEC among the flags of /proc/PID/fdinfo (proc(5)), which are octal. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes what whoever started this process had open and did not close for it, such as the end of a pipe. A program that
 * stays must not keep it, nor hand it on: who reads from that pipe would wait for as long as an app runs. What Node opened
 * is marked as not to be handed on, and stays; what the service manager passes comes first, and is marked, too.
 */
export const closeInheritedDescriptors = (): void => {
  for (const name of listed()) {
    const descriptor = Number(name);
    if (descriptor <= MARKED_BY_NODE) continue;
    try {
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "latin1"))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(descriptor);
    } catch {
      // It was the one with which the directory was read.
    }
  }
};

const listed = (): string[] => {
  try {
    return readdirSync("/proc/self/fd");
  } catch {
    return [];
  }
};
