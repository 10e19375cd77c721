/** `12.3M`, `1.5G`: powers of 1024, three digits. */
export const formatBytes = (bytes: number): string => {
  const units = ["B", "K", "M", "G", "T"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0
    ? `${Math.round(value)}B`
    : `${value >= 99.95 ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
};

/** `850ms`, `12s`, `3m04s`, `2h11m`, `5d03h`, `420d`. */
export const formatSpan = (ms: number): string => {
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${pad(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${pad(minutes % 60)}m`;
  const days = Math.floor(hours / 24);
  return days < 100 ? `${days}d${pad(hours % 24)}h` : `${days}d`;
};

/** `0%`, `3.4%`, `150%`. */
export const formatPercent = (percent: number): string =>
  `${percent >= 10 || percent === 0 ? Math.round(percent) : percent.toFixed(1)}%`;
