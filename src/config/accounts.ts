import { readFile } from "node:fs/promises";

/** A user of this machine. */
export interface User {
  name: string;
  uid: number;
  home: string;
}

/** Looks up users and groups by name or number; undefined: there is none. */
export interface Accounts {
  user: (nameOrId: string) => Promise<User | undefined>;
  group: (nameOrId: string) => Promise<{ name: string; gid: number } | undefined>;
}

/**
 * The line of an account in /etc/passwd or /etc/group; where it is not there, what `getent` says, since accounts may
 * come from a directory service.
 */
const findLine = async (
  database: "passwd" | "group",
  nameOrId: string,
  directory: string,
): Promise<string[] | undefined> => {
  const isId = /^\d+$/.test(nameOrId);
  const text = await readFile(`${directory}/${database}`, "utf8").catch(() => "");
  const rows = text.split("\n").map((line) => line.split(":"));
  const row = rows.find((fields) => fields.length > 3 && fields[isId ? 2 : 0] === nameOrId);
  if (row !== undefined || directory !== "/etc" || !/^[A-Za-z0-9_][^\s:]*$/.test(nameOrId)) return row;
  const { output } = await import("./output.ts");
  const fields = ((await output("getent", [database, nameOrId])) ?? "").split(":");
  return fields.length > 3 ? fields : undefined;
};

/** The accounts of this machine. */
export const systemAccounts = (directory = "/etc"): Accounts => ({
  user: async (nameOrId) => {
    const row = await findLine("passwd", nameOrId, directory);
    return row && { name: row[0]!, uid: Number(row[2]), home: row[5] || "/" };
  },
  group: async (nameOrId) => {
    const row = await findLine("group", nameOrId, directory);
    return row && { name: row[0]!, gid: Number(row[2]) };
  },
});
