import { spawn } from "node:child_process";
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { VelosError } from "../domain/errors.ts";

/** Gives back what was taken. The kernel does the same when the process ends, however it ends. */
export type Release = () => void;

/** Of open(2) on macOS, and without a name in Node: the lock of flock(2) is taken by opening. */
const O_EXLOCK = 0x20;

const isMac = process.platform === "darwin";

/** How flock(1) says that another has the lock. */
const HELD = 1;

/**
 * Takes the lock of flock(2) on a file that only this user can open, so nobody else can take it. The kernel counts it by
 * the file: whoever can see the file, from whatever namespace, is kept out by it, and there is none that is left behind.
 *
 * Node has no flock(2). On Linux flock(1) takes it on a descriptor that it shares with this process, and so leaves it here
 * when it ends. Where there is no such program (an image of nothing but node), or no file can be made (a full disk, a
 * read-only one), nothing is locked, and that keeps nobody from going on.
 * @returns undefined when another process holds it
 * @throws VelosError PATH_UNSAFE when the file is another user's, who could hold its lock for ever
 */
export const lockFile = async (path: string): Promise<Release | undefined> => {
  let descriptor: number;
  try {
    descriptor = open(path);
  } catch (error) {
    return isMac && (error as NodeJS.ErrnoException).code === "EAGAIN" ? undefined : () => {};
  }
  try {
    const { uid } = fstatSync(descriptor);
    if (uid !== process.getuid?.()) {
      throw new VelosError("PATH_UNSAFE", { path, why: `belongs to user ${uid}`, hint: "remove it" });
    }
    if (isMac || (await flock(descriptor)) !== HELD) return () => closeSync(descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
};

/** Node opens files so that no program which is started later has them. */
const open = (path: string): number => {
  const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
  const flags = O_CREAT | O_NOFOLLOW | (isMac ? O_EXLOCK | O_NONBLOCK : 0);
  try {
    return openSync(path, O_RDWR | flags, 0o600);
  } catch (error) {
    // One that was made before the disk became read-only still locks.
    if ((error as NodeJS.ErrnoException).code !== "EROFS") throw error;
    return openSync(path, O_RDONLY | flags, 0o600);
  }
};

/** Of a machine that is short of something now, and may have it at the next attempt. */
const PASSING = ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"];

/** The exit code of flock(1); undefined when it cannot be executed here. */
const flock = async (descriptor: number): Promise<number | undefined> => {
  const ended = new Promise<number>((resolve, reject) => {
    const child = spawn("flock", ["-n", "-x", "3"], { stdio: ["ignore", "ignore", "ignore", descriptor] });
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      code === null ? reject(new Error(`flock was ended by ${signal}`)) : resolve(code),
    );
  });
  return ended.catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined || PASSING.includes(error.code)) throw error;
    return undefined;
  });
};
