import type { StartupReport, UnstartupReport } from "../../startup/main.ts";

/** What `velos startup` did, or with --dry-run what it would do. */
export const startupText = (report: StartupReport): string => {
  const { dryRun, units, enabled, velosd, linger } = report;
  const written = units.filter(({ text }) => text !== undefined);
  const lines = dryRun
    ? written.flatMap(({ path, text }) => [`would write ${path}:`, ...text!.trimEnd().split("\n").map(indented), ""])
    : [];
  lines.push(
    ...units
      .filter(({ text }) => !dryRun || text === undefined)
      .map(({ path, change }) => `${words(change, dryRun)} ${path}`),
    `${dryRun ? "would enable" : "enabled"} ${enabled.join(" and ")}`,
  );
  if (linger) lines.push(lingerLine(linger, dryRun));
  if (velosd) lines.push(`velosd ${velosd.version} runs, pid ${velosd.pid}`);
  if (!dryRun && linger?.on !== false) {
    lines.push("what runs when the machine goes down runs again when it is back; nothing has to be saved");
  }
  return lines.join("\n");
};

/** What `velos unstartup` did, or would do. */
export const unstartupText = ({ dryRun, units, disabled, linger }: UnstartupReport): string => {
  const lines = units.map(({ path, change }) => `${words(change, dryRun)} ${path}`);
  if (disabled.length > 0) lines.push(`${dryRun ? "would disable" : "disabled"} ${disabled.join(" and ")}`);
  if (lines.length === 0) return "velosd is not started at boot: there is nothing to undo";
  if (linger?.on) {
    lines.push(
      `lingering stays on: without it the apps of ${linger.user} end with the last session (\`loginctl disable-linger\`)`,
    );
  }
  lines.push(dryRun ? "apps would go on" : "apps go on; after a reboot they wait for the first command of velos");
  return lines.join("\n");
};

const indented = (line: string): string => (line === "" ? "" : `  ${line}`);

const words = (change: StartupReport["units"][number]["change"], dryRun: boolean): string => {
  switch (change) {
    case "written":
      return dryRun ? "would write" : "wrote";
    case "removed":
      return dryRun ? "would remove" : "removed";
    case "unchanged":
      return "is as it should be:";
    case "package":
      return "comes from a package:";
  }
};

const lingerLine = ({ user, on, why }: NonNullable<StartupReport["linger"]>, dryRun: boolean): string => {
  if (on) return `lingering is on: the apps of ${user} outlive the session and come up at boot`;
  if (dryRun) return `would turn lingering on for ${user}`;
  return `lingering could not be turned on (${why ?? "unknown"}): the apps of ${user} end with the last session and come up with the next; \`sudo loginctl enable-linger ${user}\``;
};
