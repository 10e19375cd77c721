const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/** What OnCalendar calls the days, by cron's numbers. */
const DAY_NAMES = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/**
 * The calendar expressions of systemd (systemd.time(7)) for a cron expression of five fields: they say the same moments
 * in local time. Where cron restricts both the day of the month and the weekday it means either (crontab(5)), which
 * takes two expressions.
 *
 * `0 3 * * 1-5` gives `Mon,Tue,Wed,Thu,Fri *-*-* 03:00:00`.
 * @param expression fields with single spaces, as the configuration has checked it
 */
export const calendarExpressions = (expression: string): string[] => {
  const [minute, hour, day, month, weekday] = expression.split(" ") as [string, string, string, string, string];
  const time = `${list(minute, 0, 59)}:00`;
  const hours = list(hour, 0, 23);
  const months = list(month, 1, 12, MONTHS);
  const at = (days: string, weekdays: string): string =>
    `${weekdays === "*" ? "" : `${weekdays} `}*-${months}-${days} ${hours}:${time}`;
  const days = list(day, 1, 31);
  const weekdays = weekdayList(weekday);
  if (day === "*" || weekday === "*") return [at(days, weekdays)];
  return [at(days, "*"), at("*", weekdays)];
};

/** Every value of a field, spelled out: `1-5` is `01,02,03,04,05`; a field that allows all is `*`. */
const list = (field: string, least: number, most: number, names: readonly string[] = []): string => {
  const values = expand(field, least, most, names);
  if (values.length === most - least + 1) return "*";
  return values.map((value) => String(value).padStart(2, "0")).join(",");
};

const weekdayList = (field: string): string => {
  // 7 is Sunday too.
  const values = new Set(expand(field, 0, 7, DAYS).map((value) => value % 7));
  if (values.size === 7) return "*";
  return [...values]
    .sort((a, b) => a - b)
    .map((value) => DAY_NAMES[value]!)
    .join(",");
};

const expand = (field: string, least: number, most: number, names: readonly string[]): number[] => {
  const values = new Set<number>();
  const number = (text: string): number => {
    const named = names.indexOf(text.toLowerCase());
    return named >= 0 ? named + least : Number(text);
  };
  for (const part of field.split(",")) {
    const [range = "*", step] = part.split("/");
    const [from, to] = range.split("-");
    const first = range === "*" ? least : number(from!);
    // `5/10` without a range goes on to the end, as every cron has it.
    const last = range === "*" ? most : to !== undefined ? number(to) : step === undefined ? first : most;
    for (let value = first; value <= last; value += Number(step ?? 1)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
};
