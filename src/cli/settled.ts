import type { AppView } from "../controller/views.ts";
import { whyDown } from "../domain/why-down.ts";
import type { Style } from "./render/style.ts";
import { appTable } from "./render/app-table.ts";

/** Remarks below a table; of a cluster of which every instance fails the first ones say enough. */
const REMARKS = 8;

/** What a command shows when it is done: the apps it was about, and why anything is down that should not be. */
export const settledText = (apps: readonly AppView[], style: Style, width: number): string => {
  const remarks = apps.flatMap((app) =>
    app.processes.flatMap((instance) => {
      const why = instance.status === "errored" || instance.status === "waiting" ? whyDown(instance) : undefined;
      return why === undefined ? [] : [`${instance.name}: ${why}`];
    }),
  );
  const more = remarks.length > REMARKS ? [`… and ${remarks.length - REMARKS} more`] : [];
  return [appTable(apps, style, width), ...[...remarks.slice(0, REMARKS), ...more].map(style.dim)].join("\n");
};
