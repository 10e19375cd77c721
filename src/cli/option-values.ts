/** What stands behind an option: the word that help shows for it, and what a shell can complete there. */
export interface OptionValue {
  word: string;
  complete?: "file" | "directory" | "app" | "host" | readonly string[];
  /** The option may stand alone, and takes its value behind `=` only. */
  optional?: true;
}

const file: OptionValue = { word: "FILE", complete: "file" };
const time: OptionValue = { word: "TIME" };
const size: OptionValue = { word: "SIZE" };
const number: OptionValue = { word: "N" };
const variable: OptionValue = { word: "NAME" };
const when: OptionValue = { word: "WHEN" };

/** Every option that takes a value, by its long name; `start --watch` is the one of that command only. */
export const optionValues: Readonly<Record<string, OptionValue>> = {
  "--backend": { word: "NAME", complete: ["systemd", "launchd", "spawn"] },
  "--name": variable,
  "--instances": { word: "N|max", complete: ["max"] },
  "--port": { word: "PORT" },
  "--host": { word: "[USER@]SERVER", complete: "host" },
  "api --host": { word: "ADDR" },
  "metrics --host": { word: "ADDR" },
  "mcp --host": { word: "ADDR" },
  "--socket": { word: "PATH", complete: "file" },
  "--listen": { word: "ADDR" },
  "--config": file,
  "--file": file,
  "--output": file,
  "export --output": { word: "DIR", complete: "directory" },
  "export --env": { word: "PROFILE" },
  "--image": { word: "IMAGE" },
  "apply --env": { word: "PROFILE" },
  "--only": { word: "A,B" },
  "--env": { word: "VAR=VALUE" },
  "--env-file": file,
  "--cwd": { word: "DIR", complete: "directory" },
  "--interpreter": { word: "PROGRAM" },
  "--interpreter-args": { word: "ARG" },
  "--uid": { word: "USER" },
  "--gid": { word: "GROUP" },
  "--sandbox": { word: "PROFILE", complete: ["strict", "default", "none"] },
  "--max-restarts": number,
  "--min-uptime": time,
  "--restart-delay": time,
  "--exp-backoff-restart-delay": time,
  "--kill-timeout": time,
  "--kill-signal": { word: "SIGNAL", complete: ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] },
  "--listen-timeout": time,
  "--max-connection-age": time,
  "--stop-exit-codes": { word: "CODE" },
  "--max-memory": size,
  "--memory-max": size,
  "--cpu-quota": { word: "PERCENT" },
  "--tasks-max": number,
  "start --watch": { word: "PATHS", complete: "directory", optional: true },
  "run --watch": { word: "PATHS", complete: "directory", optional: true },
  "--watch-ignore": { word: "PATTERN" },
  "--cron-restart": { word: "CRON" },
  "--instance-var": variable,
  "--increment-var": variable,
  "--lines": number,
  "--level": { word: "LEVEL", complete: ["fatal", "error", "warn", "info", "debug", "trace"] },
  "--grep": { word: "REGEX" },
  "--since": when,
  "--until": when,
};
