/** The two text formats that Prometheus reads; it asks for the one it prefers by `Accept`. */
export type Format = "text" | "openmetrics";

export const contentTypes: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

export type MetricType = "counter" | "gauge" | "histogram" | "info";

export interface Family {
  /** As its samples are called; counters end in `_total`, infos in `_info`. */
  name: string;
  type: MetricType;
  help: string;
}

/**
 * The lines before a family's samples. The samples are the same in both formats; what differs is that OpenMetrics names
 * the family of a counter or info without its suffix, and that the older format has no infos.
 */
export const header = ({ name, type, help }: Family, format: Format): string => {
  const family =
    format === "openmetrics" ? name.replace(/_total$|_info$/, type === "counter" || type === "info" ? "" : "$&") : name;
  const kind = format === "text" && type === "info" ? "gauge" : type;
  return `# HELP ${family} ${escapeHelp(help, format)}\n# TYPE ${family} ${kind}\n`;
};

const escapeHelp = (help: string, format: Format): string => {
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return format === "openmetrics" ? text.replaceAll('"', '\\"') : text;
};

/** `name="api",instance="0"`, without braces. */
export const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");

const escapeLabel = (value: string): string =>
  /[\\\n"]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"') : value;

export const numberText = (value: number): string =>
  value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
