import { readFile } from "node:fs/promises";
import type { Facility, Scope } from "../backend.ts";
import { whyNoCredentials } from "./credentials.ts";

/** What this machine gives sandboxes and secrets. */
export const confinementFacilities = async (scope: Scope): Promise<Facility[]> => {
  const why = (await hasFilters())
    ? scope === "user" && (await whyNoNamespaces())
    : "this kernel has no filters of system calls";
  const noSecrets = await whyNoCredentials(scope);
  return [
    {
      name: "sandbox",
      ok: !why,
      note: why ? `sandbox = "strict" cannot be had: ${why}` : scope === "user" ? PARTLY : "every profile",
    },
    {
      name: "secrets",
      ok: noSecrets === undefined,
      note:
        noSecrets === undefined
          ? "credentials are handed out by systemd"
          : `apps with credentials are refused: ${noSecrets}`,
    },
  ];
};

const PARTLY = "every profile, but for users and capabilities of an app's own, which need the system scope";

const hasFilters = async (): Promise<boolean> => /^Seccomp:/m.test(await text("/proc/self/status"));

/** Why a user's manager cannot make the namespaces that its mounts need; false when it can. */
const whyNoNamespaces = async (): Promise<string | false> => {
  const switches: [path: string, closed: string][] = [
    ["/proc/sys/user/max_user_namespaces", "0"],
    ["/proc/sys/kernel/unprivileged_userns_clone", "0"],
    ["/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"],
  ];
  for (const [path, closed] of switches) {
    if ((await text(path)).trim() === closed)
      return `${path} is ${closed}, so that users cannot make namespaces; root can allow it with sysctl`;
  }
  return false;
};

const text = async (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");
