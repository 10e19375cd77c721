import { Variant } from "./bus.ts";
import { calendarExpressions } from "./calendar.ts";
import type { Manager } from "./manager.ts";
import { isNoSuchUnit } from "./manager.ts";
import { cronService, cronTimer } from "./names.ts";
import { execStart } from "./properties.ts";

/** How velosd's service restarts an app on a schedule: the command line and the variables it needs. */
export interface ScheduleCommand {
  words: (app: string) => string[];
  environment: Readonly<Record<string, string>>;
}

/**
 * A transient timer and the service it starts, so that a schedule is kept by systemd also while velosd is away; the
 * service runs the CLI, which wakes velosd.
 */
export const setSchedule = async (
  manager: Manager,
  app: string,
  cron: string | undefined,
  command: ScheduleCommand,
): Promise<void> => {
  await clearSchedule(manager, app);
  if (cron === undefined) return;
  const [program, ...args] = command.words(app);
  await manager.startTransient(
    cronTimer(app),
    [
      ["Description", new Variant("s", `velos: scheduled restart of ${app}`)],
      [
        "TimersCalendar",
        new Variant(
          "a(ss)",
          calendarExpressions(cron).map((expression) => ["OnCalendar", expression]),
        ),
      ],
      ["AccuracyUSec", new Variant("t", 1_000_000n)],
    ],
    [
      [
        cronService(app),
        [
          ["Description", new Variant("s", `velos: restarts ${app} on schedule`)],
          ["Type", new Variant("s", "oneshot")],
          execStart(program!, args, manager.version),
          [
            "Environment",
            new Variant(
              "as",
              Object.entries(command.environment).map(([name, value]) => `${name}=${value}`),
            ),
          ],
        ],
      ],
    ],
  );
};

const clearSchedule = async (manager: Manager, app: string): Promise<void> => {
  try {
    await manager.stop(cronTimer(app));
  } catch (error) {
    if (!isNoSuchUnit(error)) throw error;
  }
};
