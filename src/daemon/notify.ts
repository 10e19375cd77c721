import { spawn } from "node:child_process";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Tells the service manager that velosd is ready. Without a manager that asks, nothing happens.
 */
export const notifyReady = async (env: Env): Promise<void> => notify(env, "READY=1");

/** Tells it that velosd is about to end: what would start velosd is from now on put off until it has, and not dropped. */
export const notifyStopping = async (env: Env): Promise<void> => notify(env, "STOPPING=1");

/**
 * Node has no datagram sockets of the UNIX kind, so systemd-notify says it: one process at the start and one at the end
 * are cheap. It returns when the manager has taken the message.
 */
const notify = async (env: Env, state: string): Promise<void> => {
  if (!env["NOTIFY_SOCKET"]) return;
  await new Promise<void>((resolve) => {
    const child = spawn("systemd-notify", [state], { stdio: "ignore" });
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
};
