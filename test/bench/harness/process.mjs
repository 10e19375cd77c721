// Processes: run them, count them, weigh them, and end what was started.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const children = new Set();

/** Starts a process that `endAll` ends. */
export const start = (program, args, options = {}) => {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
};

/** Ends every process that `start` and `run` started and that still runs. */
export const endAll = () => {
  for (const child of children) child.kill("SIGKILL");
};

/**
 * Runs a program to its end. `ms` is what a person would have waited. One that does not end by itself is ended after
 * `patienceMs`, and its `code` is null.
 */
export const run = async (program, args, { patienceMs = 120_000, ...options } = {}) => {
  const began = process.hrtime.bigint();
  const child = start(program, args, options);
  const patience = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const exited = new Promise((resolve, reject) => child.once("exit", (code) => resolve(code)).once("error", reject));
  // What it leaves running may hold its pipes: all it said itself has arrived with its exit, or is about to.
  const closed = new Promise((resolve) => child.once("close", resolve));
  const code = await exited;
  const ms = Number(process.hrtime.bigint() - began) / 1e6;
  clearTimeout(patience);
  await Promise.race([closed, delay(1000)]);
  child.stdout.destroy();
  child.stderr.destroy();
  return { code, ms, stdout, stderr };
};

/** False for a zombie too: it does not run, it only has not been buried. */
export const isAlive = (pid) => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
};

/** Resolves when the condition is true; throws, naming `what`, when that takes too long. */
export const until = async (what, condition, timeoutMs = 60_000) => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for ${what}`);
    await delay(4);
  }
};

/** Processes whose command line has the text. */
export const findProcesses = (text) =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      return words.includes(text) && isAlive(Number(name)) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });

/** Ends processes by pid, and waits for it. */
export const killPids = async (pids) => {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
  await until("killed processes to end", () => pids.every((pid) => !isAlive(pid)), 10_000);
};

/** Memory of a process in MB: resident, its share of what is shared, and what is its alone. */
export const memory = (pid) => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const read = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024;
  return { rss: read("Rss"), pss: read("Pss"), own: read("Private_Clean") + read("Private_Dirty") };
};
