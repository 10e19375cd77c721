import type { AppSpec } from "../../domain/app.ts";
import type { MainProcess } from "./execute.ts";
import { sendSignal } from "./process-group.ts";

/**
 * Ends a main process: `killSignal` to it alone, and after `killTimeoutMs` SIGKILL to its whole group (systemd's
 * KillMode=mixed). SIGCONT follows the first, so that a suspended process hears it.
 *
 * @param ended resolves when the end has been dealt with
 * @param leaving aborted: velosd leaves, the process is left to itself, and the promise rejects with the reason
 */
export const endGracefully = async (
  main: MainProcess,
  spec: AppSpec,
  ended: Promise<void>,
  leaving: AbortSignal,
): Promise<void> => {
  if (main.isAlive()) {
    sendSignal(main.pid, spec.killSignal as NodeJS.Signals);
    sendSignal(main.pid, "SIGCONT");
  }
  main.hurry?.();
  const timer = setTimeout(() => {
    if (main.isAlive()) sendSignal(-main.pid, "SIGKILL");
  }, spec.killTimeoutMs);
  let onLeave = (): void => undefined;
  const left = new Promise<never>((_, reject) => {
    onLeave = () => reject(leaving.reason as Error);
    leaving.addEventListener("abort", onLeave);
  });
  try {
    await Promise.race([ended, left]);
  } finally {
    clearTimeout(timer);
    leaving.removeEventListener("abort", onLeave);
  }
};
