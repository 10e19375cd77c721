import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { formatBytes, formatPercent } from "../../domain/units.ts";
import { history, samples } from "../store.ts";
import type { FleetApp } from "../../fleet/fleet.ts";
import type { Figure } from "../../fleet/history.ts";
import { breakAtGaps } from "../../fleet/history.ts";
import { isDark } from "../theme.ts";

/** Lines that an eye can follow; of more instances only what they use together is drawn. */
const LINES = 8;
/** What is shown at most, and at least, in seconds. */
const SPAN_S = 15 * 60;
const LEAST_SPAN_S = 60;
/** Samples come every second; a longer pause was a lost connection. */
const GAP_MS = 5000;
const HEIGHT = 120;

const formats: Readonly<Record<Figure, (value: number) => string>> = {
  cpuPercent: formatPercent,
  memoryBytes: (value) => (value === 0 ? "0" : formatBytes(value).replace(".0", "")),
};

const hourAndMinute = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const minutes = new Intl.DateTimeFormat(undefined, hourAndMinute);
const seconds = new Intl.DateTimeFormat(undefined, { ...hourAndMinute, second: "2-digit" });

/** Labels of the time line; with seconds where its steps are shorter than a minute. */
const clock = (_: unknown, splits: number[], __: unknown, ___: unknown, step: number): string[] =>
  splits.map((at) => (step < 60 ? seconds : minutes).format(at * 1000));

/** CPU and memory of an app in the last quarter of an hour, a line for each instance where there are few. */
export const Charts = ({ app }: { app: FleetApp }): JSX.Element => {
  const few = app.processes.length <= LINES;
  return (
    <section class="charts" aria-label="Charts">
      <Chart app={app} few={few} figure="cpuPercent" title={few ? "CPU per instance" : "CPU of all instances"} />
      <Chart app={app} few={few} figure="memoryBytes" title={few ? "Memory per instance" : "Memory of all instances"} />
    </section>
  );
};

interface Props {
  app: FleetApp;
  few: boolean;
  figure: Figure;
  title: string;
}

const Chart = ({ app, few, figure, title }: Props): JSX.Element => {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const dark = isDark();
  const names = app.processes.map(({ name }) => name);
  const lines = few ? names : [app.name];
  const shape = `${few} ${lines.join(" ")}`;
  const sample = samples.value;

  useEffect(() => {
    const element = place.current!;
    const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim();
    const format = formats[figure];
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const made = new uPlot(
      {
        width: Math.max(1, element.clientWidth),
        height: HEIGHT,
        legend: { show: false },
        cursor: { sync: { key: "app" }, drag: { x: false, y: false }, points: { size: 6 } },
        padding: [8, 8, 0, 0],
        scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, figure === "cpuPercent" ? 10 : 1024 * 1024)] } },
        axes: [
          { ...axis, size: 24, space: 60, font: colour("--chart-font"), values: clock },
          {
            ...axis,
            size: 54,
            space: 22,
            font: colour("--chart-font"),
            values: (_, splits) => splits.map(format),
            ...(figure === "memoryBytes" && { incrs: memorySteps }),
          },
        ],
        series: [
          {},
          ...lines.map((name, at) => ({
            label: name,
            stroke: few ? colour(`--hue-${(app.processes[at]?.index ?? 0) % 8}`) : colour("--accent"),
            width: 1.5,
            points: { show: false },
            ...(!few && { fill: colour("--accent-faint") }),
          })),
        ],
      },
      [[], ...lines.map(() => [])],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, figure, dark]);

  useEffect(() => {
    const times = history.times();
    const rows = few ? names.map((name) => history.series(name, figure)) : [history.sum(names, figure)];
    const last = (times.at(-1) ?? Date.now()) / 1000;
    plot.current?.batch(() => {
      plot.current!.setData(
        [times.map((at) => at / 1000), ...rows.map((row) => [...breakAtGaps(times, row, GAP_MS)])],
        false,
      );
      const since = Math.min(last - LEAST_SPAN_S, Math.max(last - SPAN_S, (times[0] ?? 0) / 1000));
      plot.current!.setScale("x", { min: since, max: last });
    });
  }, [sample, shape, figure, dark]);

  return (
    <figure>
      <figcaption>{title}</figcaption>
      <div class="plot" ref={place} role="img" aria-label={`${title}, the last 15 minutes`} data-samples={sample} />
    </figure>
  );
};

/** Steps of a memory axis: 1, 2, 4 … of 1 M, so that its labels are round. */
const memorySteps = Array.from({ length: 24 }, (_, power) => 2 ** (20 + power));
