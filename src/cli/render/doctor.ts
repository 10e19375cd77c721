import type { Findings } from "../examine.ts";
import type { Style } from "./style.ts";
import { formatBytes, formatSpan } from "../../domain/units.ts";

type Mark = "ok" | "--" | "!!";

/** `velos doctor`: a line for each thing, marked ok, -- (velos does without) or !! (a problem). */
export const doctorText = (findings: Findings, style: Style): string => {
  const { velosd, backend, paths, facilities, problems } = findings;
  const paint = { ok: style.green, "--": style.yellow, "!!": style.red };
  const rows: [Mark, string, string][] = [
    ["ok", "velos", findings.version],
    ["ok", "node", findings.node],
    ["ok", "scope", findings.scope],
    ["ok", "socket", paths.socket],
    ["ok", "state", paths.state],
    ["ok", "config", findings.configured ? paths.config : `${paths.config}, which is not there (it need not be)`],
  ];
  if (velosd) {
    const differs =
      velosd.version === findings.version ? "" : "; `velos kill` lets the next command start this version";
    const about = `${velosd.version}, pid ${velosd.pid}, up ${formatSpan(velosd.uptimeMs)}, ${formatBytes(velosd.memoryBytes)}, Node ${velosd.node}`;
    rows.push([differs === "" ? "ok" : "--", "velosd", `${about}${differs}`]);
  }
  const runs = velosd?.backend ?? backend?.name;
  if (runs !== undefined) {
    const reason =
      velosd && backend && velosd.backend !== backend.name ? `; a new velosd would take ${backend.name}` : "";
    rows.push([
      backend?.reason === undefined ? "ok" : "--",
      "backend",
      `${runs}${reason}${backend?.reason === undefined ? "" : `: ${backend.reason}`}`,
    ]);
  }
  for (const { name, ok, note } of facilities) rows.push([ok ? "ok" : "--", name, note]);
  for (const problem of problems) rows.push(["!!", "problem", problem]);
  const width = Math.max(...rows.map(([, name]) => name.length));
  return rows.map(([mark, name, note]) => `${paint[mark](mark)}  ${name.padEnd(width)}  ${note}`).join("\n");
};
