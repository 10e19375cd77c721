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
 * Looks a user and a group up, by name or number, in /etc/passwd and /etc/group: users of a directory service (LDAP)
 * are found by number only.
 * @throws VelosError BACKEND_FAILED when there is no such user or group
 */
export const findAccount = (user: string | undefined, group: string | undefined): Account | undefined => {
  if (user === undefined && group === undefined) return undefined;
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  let { uid, gid } = self;
  let name: string | undefined;
  if (user !== undefined) {
    const row = rows("/etc/passwd").find((fields) => fields[0] === user || fields[2] === user);
    if (row === undefined && !/^\d+$/.test(user))
      throw failed(`there is no user '${user}'`, "create it, or choose another with --uid");
    name = row?.[0];
    uid = Number(row?.[2] ?? user);
    gid = Number(row?.[3] ?? user);
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
  const hasMoreGroups =
    name !== undefined && groups.some((fields) => Number(fields[2]) !== gid && fields[3]?.split(",").includes(name));
  return { uid, gid, hasMoreGroups };
};

/** `setpriv` of util-linux: the way to a user's further groups, since Node's spawn drops them. */
export const setprivPath = (): string | undefined =>
  ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
