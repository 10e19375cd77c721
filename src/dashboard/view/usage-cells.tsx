import type { JSX } from "preact";
import { Fragment } from "preact";
import { formatBytes, formatPercent } from "../../domain/units.ts";
import type { Series } from "../../fleet/history.ts";
import { Sparkline } from "./sparkline.tsx";

interface Props {
  cpuPercent: number | undefined;
  memoryBytes: number | undefined;
  cpu: Series;
  memory: Series;
}

/** Below it a line lies at the bottom: what is idle must not look busy. */
const QUIET_PERCENT = 10;

/** CPU and memory: the number, and the last minute. */
export const UsageCells = ({ cpuPercent, memoryBytes, cpu, memory }: Props): JSX.Element => (
  <Fragment>
    <td class="number figure">
      <span>{cpuPercent === undefined ? "–" : formatPercent(cpuPercent)}</span>
      <Sparkline series={cpu} atLeast={QUIET_PERCENT} />
    </td>
    <td class="number figure">
      <span>{memoryBytes === undefined ? "–" : formatBytes(memoryBytes)}</span>
      {/* A line in the middle for what does not change. */}
      <Sparkline series={memory} atLeast={(memoryBytes ?? 1) * 1.5} />
    </td>
  </Fragment>
);
