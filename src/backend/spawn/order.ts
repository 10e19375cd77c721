import type { AppSpec } from "../../domain/app.ts";
import { findAccount, setprivPath } from "./account.ts";
import { explain } from "./explain.ts";
import { failed } from "./failed.ts";

/** A process to be started, down to what the kernel is told: it is carried out by velosd or by its keeper. */
export interface LaunchOrder {
  program: string;
  args: string[];
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  /** File that stdout and stderr are appended to. */
  logPath: string;
  uid?: number;
  gid?: number;
}

/** What a shell adds to the environment by itself. */
const SHELL_ADDS = ["PWD", "OLDPWD", "SHLVL"];

/**
 * The order for one run of an app.
 *
 * @param pidVariable a variable that the process is to find its own pid in, as the protocol of LISTEN_FDS wants it.
 *   Only the process itself can know it, so a shell is executed first, which becomes the program: same pid, same
 *   arguments, and of its own variables nothing is left.
 * @throws VelosError BACKEND_FAILED when its user is not there, or it can be seen that it cannot be executed
 */
export const composeOrder = (
  spec: AppSpec,
  env: Record<string, string>,
  logPath: string,
  pidVariable?: string,
): LaunchOrder => {
  const account = findAccount(spec.user, spec.group);
  const setpriv = account?.hasMoreGroups ? setprivPath() : undefined;
  let words = [spec.program, ...spec.args];
  if (pidVariable !== undefined) {
    const unset = SHELL_ADDS.filter((name) => !Object.hasOwn(env, name)).join(" ");
    words = ["/bin/sh", "-c", `export ${pidVariable}=$$; unset ${unset} _; exec "$@"`, "sh", ...words];
  }
  if (account !== undefined && setpriv !== undefined)
    words = [setpriv, `--reuid=${account.uid}`, `--regid=${account.gid}`, "--init-groups", "--", ...words];
  if (words[0] !== spec.program) {
    // What comes first would be executed well and then fail by itself: look first.
    const problem = explain(spec);
    if (problem !== undefined) throw failed(problem);
  }
  const [program = "", ...args] = words;
  const isOther = account !== undefined && setpriv === undefined;
  return { program, args, cwd: spec.cwd, env, logPath, ...(isOther && { uid: account.uid, gid: account.gid }) };
};
