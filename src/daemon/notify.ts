import { spawn } from "node:child_process";

/**
 * Tells the service manager that velosd is ready. Node has no datagram sockets of the UNIX kind, so systemd-notify
 * says it; one process at the start is cheap. Without a manager that asks, nothing happens.
 */
export const notifyReady = async (env: Readonly<Record<string, string | undefined>>): Promise<void> => {
  if (!env["NOTIFY_SOCKET"]) return;
  await new Promise<void>((resolve) => {
    const child = spawn("systemd-notify", ["--ready"], { stdio: "ignore" });
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
};
