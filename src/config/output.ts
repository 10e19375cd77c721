import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What a program prints, trimmed; undefined when it fails or takes longer than 5 s. */
export const output = async (program: string, args: readonly string[]): Promise<string | undefined> => {
  try {
    return (await promisify(execFile)(program, args, { timeout: 5000 })).stdout.trim();
  } catch {
    return undefined;
  }
};
