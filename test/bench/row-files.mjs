/** What `--only` takes: the files of rows/, in the order they run. */
export const rowFiles = [
  "list",
  "wake",
  "start",
  "scale",
  "crash",
  "reload-idle",
  "reload-load",
  "throughput",
  "evenness",
  "controller-memory",
  "worker-memory",
  "boot",
  "first-command",
  "broken-build",
];
