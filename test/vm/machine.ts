import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs a program in a virtual machine (test/vm/run) and returns the JSON that it printed behind a word at the beginning
 * of a line.
 */
export const inMachine = async <T>(word: string, ...words: string[]): Promise<T> => {
  const child = spawn("test/vm/run", words, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  await once(child, "close");
  const line = new RegExp(`^${word} (.*?)\\r?$`, "m").exec(output)?.[1];
  if (line === undefined) throw new Error(`no line with ${word} came out of the machine:\n${output}`);
  return JSON.parse(line) as T;
};
