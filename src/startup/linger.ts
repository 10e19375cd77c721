import { access } from "node:fs/promises";
import { userInfo } from "node:os";
import { ask } from "./manager.ts";

/** Whether the apps of a user outlive the session and come up at boot. */
export interface Linger {
  user: string;
  on: boolean;
  /** Why it could not be turned on. */
  why?: string;
}

/** Whether lingering is on for the caller. */
export const readLinger = async (): Promise<Linger> => {
  const { username: user } = userInfo();
  // What logind itself looks at: it may not know a user who has no session and no manager.
  const on = await access(`/var/lib/systemd/linger/${user}`).then(
    () => true,
    () => false,
  );
  return { user, on };
};

/** Turns lingering on for the caller; polkit may refuse that. */
export const enableLinger = async (): Promise<Linger> => {
  const found = await readLinger();
  if (found.on) return found;
  // By name: without one logind looks for the session of the caller, and a service or sudo has none.
  const { failure } = await ask("loginctl", "--no-ask-password", "enable-linger", found.user);
  return failure === undefined ? { ...found, on: true } : { ...found, why: failure };
};
