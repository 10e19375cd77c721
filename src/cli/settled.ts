import type { AppView } from "../controller/views.ts";
import type { Style } from "./render/style.ts";
import { appTable, whyDown } from "./render/app-table.ts";

/** What a command shows when it is done: the apps it was about, and why anything is down that should not be. */
export const settledText = (apps: readonly AppView[], style: Style, width: number): string => {
  const remarks = apps.flatMap((app) =>
    app.processes.flatMap((instance) => {
      const why = instance.status === "errored" || instance.status === "waiting" ? whyDown(instance) : undefined;
      return why === undefined ? [] : [style.dim(`${instance.name}: ${why}`)];
    }),
  );
  return [appTable(apps, style, width), ...remarks].join("\n");
};
