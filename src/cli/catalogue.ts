import type { CommandClass } from "clipanion";
import type { VelosContext } from "./velos-command.ts";

type Loader = () => Promise<CommandClass<VelosContext>>;

/** Every command, by name. Only the one that is asked for is loaded. */
export const commands: Readonly<Record<string, Loader>> = {
  start: async () => (await import("./commands/start.ts")).StartCommand,
  apply: async () => (await import("./commands/apply.ts")).ApplyCommand,
  run: async () => (await import("./commands/run.ts")).RunCommand,
  stop: async () => (await import("./commands/stop.ts")).StopCommand,
  restart: async () => (await import("./commands/restart.ts")).RestartCommand,
  reload: async () => (await import("./commands/reload.ts")).ReloadCommand,
  rollout: async () => (await import("./commands/rollout.ts")).RolloutCommand,
  delete: async () => (await import("./commands/delete.ts")).DeleteCommand,
  scale: async () => (await import("./commands/scale.ts")).ScaleCommand,
  list: async () => (await import("./commands/list.ts")).ListCommand,
  describe: async () => (await import("./commands/describe.ts")).DescribeCommand,
  logs: async () => (await import("./commands/logs.ts")).LogsCommand,
  env: async () => (await import("./commands/env.ts")).EnvCommand,
  signal: async () => (await import("./commands/signal.ts")).SignalCommand,
  startup: async () => (await import("./commands/startup.ts")).StartupCommand,
  unstartup: async () => (await import("./commands/unstartup.ts")).UnstartupCommand,
  save: async () => (await import("./commands/save.ts")).SaveCommand,
  import: async () => (await import("./commands/import.ts")).ImportCommand,
  export: async () => (await import("./commands/export.ts")).ExportCommand,
  doctor: async () => (await import("./commands/doctor.ts")).DoctorCommand,
  api: async () => (await import("./commands/api.ts")).ApiCommand,
  metrics: async () => (await import("./commands/metrics.ts")).MetricsCommand,
  mcp: async () => (await import("./commands/mcp.ts")).McpCommand,
  monit: async () => (await import("./commands/monit.ts")).MonitCommand,
  ping: async () => (await import("./commands/ping.ts")).PingCommand,
  kill: async () => (await import("./commands/kill.ts")).KillCommand,
  completions: async () => (await import("./commands/completions.ts")).CompletionsCommand,
};

/** Other names of commands, as hands know them from elsewhere. */
export const aliases: Readonly<Record<string, keyof typeof commands>> = {
  ls: "list",
  status: "list",
  ps: "list",
  info: "describe",
  show: "describe",
  del: "delete",
  rm: "delete",
  log: "logs",
  completion: "completions",
};
