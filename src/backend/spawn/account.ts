import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { failed } from "./failed.ts";

/** Who an instance runs as, in numbers. */
export interface Account {
  uid: number;
  gid: number;
  /** True when the user is a member of further groups. */
  hasMoreGroups: boolean;
}

const rows = (path: string): string[][] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));

/**
 * Asks id(1) for a user by name, who may be in a directory service: LDAP, or on macOS its own, where /etc/passwd knows
 * the system's users only.
 */
export const accountByName = (name: string): Account | undefined => {
  const ask = (what: string): string =>
    execFileSync("id", [what, "--", name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const [uid, gid] = [Number(ask("-u")), Number(ask("-g"))];
    return {
      uid,
      gid,
      hasMoreGroups: ask("-G")
        .split(" ")
        .some((group) => Number(group) !== gid),
    };
  } catch {
    return undefined;
  }
};

/**
 * Looks a user and a group up by name or number: in /etc/passwd and /etc/group, and users by name elsewhere as well.
 * @throws VelosError BACKEND_FAILED when there is no such user or group
 */
export const findAccount = (user: string | undefined, group: string | undefined): Account | undefined => {
  if (user === undefined && group === undefined) return undefined;
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  let { uid, gid } = self;
  let name: string | undefined;
  let found: Account | undefined;
  if (user !== undefined) {
    const row = rows("/etc/passwd").find((fields) => fields[0] === user || fields[2] === user);
    if (row === undefined && !/^\d+$/.test(user)) found = accountByName(user);
    if (row === undefined && found === undefined && !/^\d+$/.test(user))
      throw failed(`there is no user '${user}'`, "create it, or choose another with --uid");
    name = row?.[0];
    uid = found?.uid ?? Number(row?.[2] ?? user);
    gid = found?.gid ?? Number(row?.[3] ?? user);
  }
  const groups = rows("/etc/group");
  if (group !== undefined) {
    const row = groups.find((fields) => fields[0] === group || fields[2] === group);
    if (row === undefined && !/^\d+$/.test(group)) throw failed(`there is no group '${group}'`);
    gid = Number(row?.[2] ?? group);
  }
  if (uid === self.uid && gid === self.gid) return undefined;
  if (self.uid !== 0)
    throw failed(`only root may run an instance as user '${user ?? uid}'`, "run velosd as root, or leave user out");
  const isMember = (fields: string[]): boolean =>
    Number(fields[2]) !== gid && name !== undefined && fields[3]?.split(",").includes(name) === true;
  return { uid, gid, hasMoreGroups: found?.hasMoreGroups ?? groups.some(isMember) };
};

/** `setpriv` of util-linux: the way to a user's further groups, since Node's spawn drops them. */
export const setprivPath = (): string | undefined =>
  ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
