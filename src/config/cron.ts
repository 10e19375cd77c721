import type { Kind } from "./kinds.ts";
import { Misfit } from "./misfit.ts";

const NICKNAMES: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

/** One part of a field: `*`, `5`, `MON`, `1-5`, each with a step or without. */
const PART = /^(?:\*|(?:\d{1,2}|[a-z]{3})(?:-(?:\d{1,2}|[a-z]{3}))?)(?:\/\d{1,2})?$/i;

const HINT = 'five fields: minute hour day month weekday, such as "0 3 * * *" (every day at three)';

/**
 * A cron expression of five fields, read with single spaces between them; `@daily` and its like are spelled out. Only
 * what every cron knows is taken (numbers, names, `*`, lists, ranges, steps), so that it can become a calendar
 * expression of systemd. The library is loaded only when there is an expression to check.
 */
export const cronExpression: Kind<string> = {
  expects: "a cron expression of five fields",
  json: { type: "string" },
  read: async (value) => {
    if (typeof value !== "string") throw new Misfit();
    const written = value.trim().toLowerCase();
    const text = (Object.hasOwn(NICKNAMES, written) ? NICKNAMES[written]! : value.trim()).replace(/\s+/g, " ");
    const fields = text.split(" ");
    const isPlain = fields.length === 5 && fields.every((field) => field.split(",").every((part) => PART.test(part)));
    if (!isPlain) throw new Misfit(undefined, { hint: HINT });
    const { Cron } = await import("croner");
    try {
      if (new Cron(text, { paused: true }).nextRun() === null) throw new Error("that day never comes");
    } catch (error) {
      const why = (error as Error).message.replace(/^CronPattern: /, "");
      throw new Misfit(`${JSON.stringify(value)}: ${why.charAt(0).toLowerCase()}${why.slice(1)}`, { hint: HINT });
    }
    return text;
  },
};
