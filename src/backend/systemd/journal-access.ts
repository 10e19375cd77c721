import { access, constants, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Facility, Scope } from "../backend.ts";

/** Where journald keeps its files: over a reboot, or until the next. */
const PLACES = [
  { directory: "/var/log/journal", lasts: true },
  { directory: "/run/log/journal", lasts: false },
];

/**
 * Whether what instances print can be read: the files are there for all to see, and open to few. A user's own lines are in
 * a file of their own, once there are any, and only where the journal outlives a reboot.
 */
export const journalAccess = async (scope: Scope): Promise<Facility> => {
  const id = (await readFile("/etc/machine-id", "utf8").catch(() => "")).trim();
  for (const { directory, lasts } of PLACES) {
    const path = join(directory, id);
    const files = await readdir(path).catch(() => undefined);
    if (files === undefined) continue;
    const own = `user-${process.getuid?.() ?? 0}.journal`;
    const wanted = scope === "user" && files.includes(own) ? own : "system.journal";
    const canRead = await isReadable(join(path, wanted));
    // The first line makes the file.
    const willBe = scope === "user" && lasts && !files.includes(own);
    if (!canRead && !willBe) continue;
    const note = lasts ? "logs can be read, and outlive a reboot" : "logs can be read, but are gone after a reboot";
    const hint = lasts ? "" : "; `mkdir /var/log/journal` and a restart of systemd-journald keep them";
    return { name: "journal", ok: lasts, note: `${note}${hint}` };
  }
  const hint = "be in the group systemd-journal";
  const kept = scope === "user" ? `${hint}, or have the journal kept in /var/log/journal` : hint;
  return { name: "journal", ok: false, note: `not open to this user: \`velos logs\` stays empty; ${kept}` };
};

const isReadable = async (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
