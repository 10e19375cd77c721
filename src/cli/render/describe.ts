import type { LogLine } from "../../backend/backend.ts";
import type { Result } from "../../api/operations.ts";
import { formatDuration } from "../../config/duration.ts";
import type { AppSpec, HealthCheck } from "../../domain/app.ts";
import { hasReadinessSignal } from "../../domain/app.ts";
import type { Sandbox } from "../../domain/sandbox.ts";
import { describeExit } from "../../domain/instance.ts";
import { formatListen } from "../../domain/listen.ts";
import { whyDown } from "../../domain/why-down.ts";
import type { Style } from "./style.ts";
import { appTable } from "./app-table.ts";
import { logText } from "./log-line.ts";
import { formatBytes } from "../../domain/units.ts";

/** `velos describe`: what an operator asks about one app. */
export const describeText = (
  { app, spec, instance, exposure }: Result<"describe">,
  errors: readonly LogLine[],
  style: Style,
  width: number,
): string => {
  const lines: string[] = [];
  const add = (title: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== "") lines.push(`${style.dim(title.padEnd(14))}${value}`);
  };
  const one = instance;
  add("app", style.bold(app.name));
  add("instances", `${app.online} online of ${app.instances}${app.running ? "" : ", stopped"}`);
  add("runs", [spec.program, ...spec.args].map(quoteWord).join(" "));
  add("script", spec.script);
  add("in", spec.cwd);
  add("as", spec.user);
  add("sandbox", spec.sandbox && sandboxText(spec.sandbox));
  add("exposure", exposure === undefined ? undefined : `${exposure.toFixed(1)} of 10, by systemd-analyze security`);
  add("secrets", spec.credentials && Object.keys(spec.credentials).join(", "));
  add("listens", spec.listen.map(formatListen).join(", "));
  add("health", spec.health && healthText(spec.health));
  add("backend", app.backend);
  add("spec", app.spec);
  add("ready", readyText(spec));
  add("restarts", restartText(spec));
  add("stops", `${spec.killSignal}, after ${formatDuration(spec.killTimeoutMs)} SIGKILL`);
  add("memory limit", spec.memoryMaxBytes === undefined ? undefined : formatBytes(spec.memoryMaxBytes));
  add("restart above", spec.maxMemoryRestartBytes === undefined ? undefined : formatBytes(spec.maxMemoryRestartBytes));
  add("cpu quota", spec.cpuQuotaPercent === undefined ? undefined : `${spec.cpuQuotaPercent}%`);
  add("tasks limit", spec.tasksMax);
  add("watches", spec.watch.join(", "));
  add("schedule", spec.cronRestart);
  add(
    "systemd",
    Object.entries(spec.systemd)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(" "),
  );
  add(
    "rollout",
    app.rollout &&
      `${app.rollout.kind} ${app.rollout.status}${app.rollout.failure ? `: ${app.name}:${app.rollout.failure.index} ${app.rollout.failure.why}` : ""}`,
  );
  add("created", new Date(app.createdAt).toISOString());
  add("changed", new Date(app.updatedAt).toISOString());
  if (one?.unit) add("unit", one.unit);
  lines.push("", appTable([{ ...app, processes: one ? [one] : app.processes }], style, width));
  for (const process of one ? [one] : app.processes) {
    const why = whyDown(process);
    if (why !== undefined) lines.push(`${process.name}: ${why}`);
    else if (process.exit)
      lines.push(
        style.dim(
          `${process.name}: last exit ${new Date(process.exit.at).toISOString()}, ${describeExit(process.exit)}`,
        ),
      );
  }
  if (errors.length > 0) lines.push("", style.dim("recent errors"), ...errors.map((line) => logText(line, style)));
  return lines.join("\n");
};

/** `http /healthz every 10s, restarted after 3 failures` */
const healthText = ({ http, tcp, command = [], intervalMs, failures }: HealthCheck): string => {
  const asked = http ? `http ${http}` : tcp ? `tcp ${tcp}` : command.map(quoteWord).join(" ");
  return `${asked} every ${formatDuration(intervalMs)}, restarted after ${failures} failure${failures === 1 ? "" : "s"}`;
};

/** `strict, may write /srv/api/uploads, no network` */
const sandboxText = (sandbox: Sandbox): string => {
  const { profile, write, read, hide, network, devices, privateTmp, newPrivileges, capabilities, writeExecute } =
    sandbox;
  const of = (what: string, paths: readonly string[] | undefined): string =>
    paths?.length ? `${what} ${paths.join(", ")}` : "";
  const either = (value: boolean | undefined, on: string, off: string): string =>
    value === undefined ? "" : value ? on : off;
  return [
    profile,
    of("may write", write),
    of("sees", read),
    of("without", hide),
    either(network, "", "no network"),
    either(devices, "devices", "no devices"),
    either(privateTmp, "a /tmp of its own", "the common /tmp"),
    either(newPrivileges, "may gain rights", "gains no rights"),
    capabilities && (capabilities.length > 0 ? capabilities.join(", ") : "no capabilities"),
    either(writeExecute, "", "no code made at run time"),
  ]
    .filter(Boolean)
    .join("; ");
};

const quoteWord = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word));

/** When an instance counts as up, where it says so itself. */
const readyText = (spec: AppSpec): string | undefined => {
  if (!hasReadinessSignal(spec)) return undefined;
  return `when ${spec.waitReady ? "it says so" : "it listens"}, within ${formatDuration(spec.listenTimeoutMs)}`;
};

const restartText = (spec: AppSpec): string => {
  if (!spec.autorestart) return "never";
  const backoff = spec.expBackoffRestartDelayMs;
  const wait = backoff > 0 ? `${formatDuration(backoff)}, and longer each time` : formatDuration(spec.restartDelayMs);
  const unless = spec.stopExitCodes.length > 0 ? `, not after exit code ${spec.stopExitCodes.join(" or ")}` : "";
  return `after ${wait}${unless}, gives up after ${spec.maxRestarts} in a row shorter than ${formatDuration(spec.minUptimeMs)}`;
};
