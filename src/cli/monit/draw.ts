import { whyDown } from "../../domain/why-down.ts";
import { formatBytes, formatPercent, formatSpan } from "../../domain/units.ts";
import { healthOf, usageOf } from "../../fleet/fleet.ts";
import { isUnderWay, phaseOf } from "../../fleet/phase.ts";
import { statusPaint } from "../render/app-table.ts";
import type { Style } from "../render/style.ts";
import type { Cell, Column } from "../render/table.ts";
import { renderTable } from "../render/table.ts";
import { cutToWidth } from "./cut.ts";
import { helpLines } from "./help-lines.ts";
import { logLines } from "./log-lines.ts";
import { sparkline } from "./sparkline.ts";
import type { MonitState, Row } from "./state.ts";
import { isOpen, rowsOf, selectedRow, SPARK } from "./state.ts";

export interface Size {
  columns: number;
  rows: number;
}

/** Of the screen's height the list takes at most this part; the log has the rest. */
const LIST_PART = 0.6;

/** The screen: exactly as many lines as it has, none wider than it is. `now`: milliseconds since the epoch. */
export const drawScreen = (state: MonitState, size: Size, style: Style, now: number): string[] => {
  const { columns, rows } = size;
  const room = Math.max(0, rows - 2);
  const middle = state.help ? helpLines(columns, style) : body(state, { columns, rows: room }, style, now);
  const filled = [...middle.slice(0, room), ...Array<string>(Math.max(0, room - middle.length)).fill("")];
  return [head(state, columns, style), ...filled, foot(state, columns, style)].slice(0, rows);
};

const body = (state: MonitState, { columns, rows }: Size, style: Style, now: number): string[] => {
  if (!state.fleet.known) return [];
  if (state.fleet.apps.size === 0) return ["", cutToWidth("  no apps; `velos start app.js -i 4` starts one", columns)];
  const table = list(state, columns, style, now);
  const [title = "", ...lines] = table;
  const most = Math.max(1, Math.min(lines.length, Math.floor(rows * LIST_PART) - 1));
  const remarks = remarkLines(state, columns, style);
  const logRows = Math.max(0, rows - 1 - most - remarks.length - 1);
  return [
    title,
    ...around(lines, selectedAt(state), most),
    ...remarks,
    ...(logRows > 0 ? logLines(state, { columns, rows: logRows + 1 }, style) : []),
  ];
};

const head = (state: MonitState, columns: number, style: Style): string => {
  if (state.away !== undefined) return style.yellow(cutToWidth(` ${state.away}; apps go on. Trying again …`, columns));
  const { apps, instances, online, troubles } = healthOf(state.fleet);
  const bad = troubles.filter(({ kind }) => kind === "bad").length;
  const text = ` velos   ${apps} ${apps === 1 ? "app" : "apps"}   ${online} of ${instances} online`;
  const alarm = bad > 0 ? `   ${bad} need${bad === 1 ? "s" : ""} attention` : "";
  if (text.length + alarm.length > columns) return style.bold(cutToWidth(text, columns));
  return `${style.bold(text)}${style.red(alarm)}`;
};

const foot = (state: MonitState, columns: number, style: Style): string => {
  const { prompt, notice } = state;
  if (prompt?.kind === "confirm")
    return style.bold(cutToWidth(` ${prompt.verb} ${prompt.name}? y does it, any other key does not`, columns));
  if (prompt?.kind === "scale") {
    const now = state.fleet.apps.get(prompt.app)?.instances ?? 0;
    return style.bold(
      cutToWidth(` instances of ${prompt.app}, ${now} now (4, +2, -1, max): ${prompt.typed}_`, columns),
    );
  }
  if (notice) return (notice.bad ? style.red : style.green)(cutToWidth(` ${notice.text}`, columns));
  return style.dim(
    cutToWidth(" ↑↓ select  r reload  R restart  s scale  x stop/start  l level  ↵ open  ? keys  q quit", columns),
  );
};

const COLUMNS: readonly Column[] = [
  { title: "  name", shrinkTo: 14 },
  { title: "status", expendable: 1 },
  { title: "cpu", align: "right", expendable: 2 },
  { title: "", expendable: 6 },
  { title: "memory", align: "right", expendable: 3 },
  { title: "", expendable: 7 },
  { title: "uptime", align: "right", expendable: 5 },
  { title: "restarts", align: "right", expendable: 4 },
  { title: "pid", align: "right", expendable: 8 },
];

const list = (state: MonitState, columns: number, style: Style, now: number): string[] => {
  const selected = selectedRow(state)?.name;
  const cells = rowsOf(state).map((row) => cellsOf(state, row, row.name === selected, style, now));
  return renderTable(COLUMNS, cells, columns, style.dim).split("\n");
};

const cellsOf = (state: MonitState, row: Row, isSelected: boolean, style: Style, now: number): Cell[] => {
  const { app, instance } = row;
  const { history, figures } = state;
  const names = instance ? [instance.name] : app.processes.map(({ name }) => name);
  const { cpuPercent, memoryBytes } = instance ? (figures[instance.name] ?? {}) : usageOf(app, figures);
  const cpu = history.sum(names, "cpuPercent");
  const memory = history.sum(names, "memoryBytes");
  const restarts = instance ? instance.restarts : app.processes.reduce((sum, one) => sum + one.restarts, 0);
  const runs = instance?.status === "online" && instance.startedAt !== undefined;
  return [
    nameCell(state, row, isSelected, style),
    instance ? { text: instance.status, paint: statusPaint(instance, style) } : appStatus(row, style),
    { text: cpuPercent === undefined ? "-" : formatPercent(cpuPercent) },
    { text: sparkline(cpu, SPARK, 10), paint: style.cyan },
    { text: memoryBytes === undefined ? "-" : formatBytes(memoryBytes) },
    { text: sparkline(memory, SPARK, (memoryBytes ?? 1) * 1.5), paint: style.cyan },
    { text: runs ? formatSpan(Math.max(1000, now - instance.startedAt!)) : instance ? "-" : "" },
    { text: String(restarts) },
    { text: instance ? String(instance.pid ?? "-") : "" },
  ];
};

const nameCell = (state: MonitState, { name, app, instance }: Row, isSelected: boolean, style: Style): Cell => {
  const mark = isSelected ? "▸ " : "  ";
  if (instance) return { text: `${mark}  ${name}`, paint: isSelected ? style.bold : (text) => text };
  return { text: `${mark}${name}${isOpen(state, app) ? "" : " …"}`, paint: style.bold };
};

const appStatus = ({ app }: Row, style: Style): Cell => {
  const { online, instances, rollout } = app;
  if (isUnderWay(rollout))
    return { text: `${rollout.rollout.kind} ${rollout.replaced}/${rollout.total}`, paint: style.yellow };
  const bad = app.processes.some(({ status }) => status === "errored");
  const paint = bad ? style.red : online >= instances ? style.green : app.running ? style.yellow : style.dim;
  return { text: !app.running && online === 0 ? "stopped" : `${online}/${instances} online`, paint };
};

/** Where the selected row stands in the list. */
const selectedAt = (state: MonitState): number => {
  const selected = selectedRow(state)?.name;
  return Math.max(
    0,
    rowsOf(state).findIndex(({ name }) => name === selected),
  );
};

/** As many lines as there is room for, with the one at `at` among them. */
export const around = <T>(lines: readonly T[], at: number, room: number): T[] => {
  const first = Math.max(0, Math.min(lines.length - room, at - Math.floor(room / 2)));
  return lines.slice(first, first + room);
};

/** What there is to say of the selected row: why it is down, how its rollout goes. */
const remarkLines = (state: MonitState, columns: number, style: Style): string[] => {
  const row = selectedRow(state);
  if (!row) return [];
  const lines: string[] = [];
  const { app, instance } = row;
  const { rollout } = app;
  if (isUnderWay(rollout)) {
    const phases = app.processes.map((one) => `${one.index} ${phaseOf(one, rollout)}`).join("  ");
    lines.push(style.yellow(cutToWidth(`  ${phases}`, columns)));
  }
  if (rollout?.rollout.failure && rollout.rollout.status === "stalled") {
    const { index, why } = rollout.rollout.failure;
    lines.push(style.red(cutToWidth(`  the rollout stopped at ${app.name}:${index}: ${why}`, columns)));
  }
  const why = instance && whyDown(instance);
  if (why !== undefined) lines.push(style.yellow(cutToWidth(`  ${instance!.name}: ${why}`, columns)));
  return lines;
};
