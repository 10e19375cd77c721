import type { AppView, InstanceView } from "../../controller/views.ts";
import { formatBytes, formatPercent, formatSpan } from "../../domain/units.ts";
import type { Style } from "./style.ts";
import type { Cell, Column } from "./table.ts";
import { renderTable } from "./table.ts";

const COLUMNS: readonly Column[] = [
  { title: "name", shrinkTo: 12 },
  { title: "status", expendable: 1 },
  { title: "pid", align: "right", expendable: 6 },
  { title: "cpu", align: "right", expendable: 2 },
  { title: "memory", align: "right", expendable: 3 },
  { title: "uptime", align: "right", expendable: 5 },
  { title: "restarts", align: "right", expendable: 4 },
];

/** `velos list`: a row for each instance. */
export const appTable = (apps: readonly AppView[], style: Style, width: number): string => {
  if (apps.length === 0) return "no apps; `velos start app.js -i 4` starts one";
  const rows = apps.flatMap((app) => app.processes.map((instance) => row(instance, style)));
  return renderTable(COLUMNS, rows, width, style.dim);
};

const row = (instance: InstanceView, style: Style): Cell[] => [
  { text: instance.name, paint: style.bold },
  { text: instance.status, paint: statusPaint(instance, style) },
  { text: instance.pid === undefined ? "-" : String(instance.pid) },
  { text: instance.cpuPercent === undefined ? "-" : formatPercent(instance.cpuPercent) },
  { text: instance.memoryBytes === undefined ? "-" : formatBytes(instance.memoryBytes) },
  { text: instance.uptimeMs === undefined || instance.status !== "online" ? "-" : formatSpan(instance.uptimeMs) },
  { text: String(instance.restarts) },
];

export const statusPaint = ({ status }: Pick<InstanceView, "status">, style: Style): ((text: string) => string) => {
  switch (status) {
    case "online":
      return style.green;
    case "errored":
      return style.red;
    case "waiting":
    case "starting":
    case "stopping":
      return style.yellow;
    case "stopped":
      return style.dim;
  }
};
