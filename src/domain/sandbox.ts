import { createHash } from "node:crypto";

/** How much an app is kept from: see README, "Sandbox". */
export type SandboxProfile = "strict" | "default" | "none";

export const sandboxProfiles = ["strict", "default", "none"] as const satisfies SandboxProfile[];

/** What an instance may see and do: a profile, and what is different from it. Paths are absolute. */
export interface Sandbox {
  profile: SandboxProfile;
  /** Files and directories that it may write, besides its state directory. */
  write?: string[];
  /** Files and directories that it must see, where the profile hides what is around them. */
  read?: string[];
  /** Files and directories that are not there for it. */
  hide?: string[];
  /** False: no network but the addresses velos listens on for it. */
  network?: boolean;
  /** False: no devices but the likes of /dev/null. */
  devices?: boolean;
  privateTmp?: boolean;
  /** False: nothing it executes may gain rights, as by a set-user-ID bit. */
  newPrivileges?: boolean;
  /** All the capabilities it has or can get (`CAP_NET_BIND_SERVICE`). */
  capabilities?: string[];
  /** False: no memory that is both writable and executable, which every compiler at run time needs. */
  writeExecute?: boolean;
}

/** A secret by systemd credentials: a file that is read when an instance starts, or the text itself. */
export type Credential = { path: string } | { encrypted: string } | { text: string };

/** Longest name of a user that systemd makes up. */
const MAX_USER_NAME = 31;

/**
 * Name of the user that systemd makes up for a strict app without one: the same for all its instances, so that they can
 * share files. Names of apps that are too long, or have a dot, get a hash, so that no two apps share a user.
 */
export const dynamicUser = (app: string): string => {
  const name = `velos-${app}`;
  if (name.length <= MAX_USER_NAME && !app.includes(".")) return name;
  const hash = createHash("sha256").update(app).digest("hex").slice(0, 8);
  return `${name.replaceAll(".", "_").slice(0, MAX_USER_NAME - hash.length - 1)}-${hash}`;
};

/** Directory below `/var/lib` that a strict app may write; it outlives the app, since it is its data. */
export const stateDirectory = (app: string): string => `velos-${app}`;
