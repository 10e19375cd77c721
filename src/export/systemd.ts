import { calendarExpressions } from "../backend/systemd/calendar.ts";
import { environmentFileText } from "../backend/systemd/drop-in.ts";
import type { AppSpec } from "../domain/app.ts";
import { hasPreload, hasReadinessSignal, rolloutPauseMs } from "../domain/app.ts";
import { instanceEnvironment } from "../domain/instance-environment.ts";
import { formatListen } from "../domain/listen.ts";
import { sandboxSettings } from "./confined-unit.ts";
import type { ExportApp, Exported, ExportFile } from "./exported.ts";
import { remarkLines, Remarks } from "./exported.ts";
import type { Setting } from "./unit-text.ts";
import { commandLine, plainText, quotedWord, unitText } from "./unit-text.ts";

/** What units of systemd depend on besides the apps. */
export interface UnitOptions {
  scope: "system" | "user";
  /** Absolute directory in which the files will be. */
  directory: string;
  /** What Node apps load first to take over their sockets; it goes along, so that nothing of velos is needed. */
  preload: string;
}

/** Name of the preload among the units. */
export const PRELOAD = "velos-preload.cjs";

/**
 * Plain unit files that run without velos: `<app>@.service`, `<app>.target` for all instances, `<app>.socket` where it
 * listens, and `<app>-reload.service`, which restarts the instances one by one. Pure.
 */
export const exportSystemd = (apps: readonly ExportApp[], options: UnitOptions): Exported => {
  const exported = apps.map((app) => exportApp(app, options));
  const files = exported.flatMap((one) => one.files);
  if (apps.some(({ spec }) => hasPreload(spec))) files.push({ name: PRELOAD, text: options.preload });
  return { files, remarks: exported.flatMap(({ remarks }) => remarks.list) };
};

const exportApp = (app: ExportApp, options: UnitOptions): { files: ExportFile[]; remarks: Remarks } => {
  const { spec, instances } = app;
  const remarks = new Remarks(spec.name);
  const names = Array.from({ length: instances }, (_, index) => `${spec.name}@${index}.service`);
  const { visible, secret } = instanceEnvironment(spec, 0, instances, { preload: `${options.directory}/${PRELOAD}` });
  remarkOnUnits(spec, remarks);
  const files: ExportFile[] = [
    {
      name: `${spec.name}@.service`,
      text: serviceText(spec, visible, Object.keys(secret).length > 0, options, remarks),
    },
    { name: `${spec.name}.target`, text: targetText(spec, names, options) },
    { name: `${spec.name}-reload.service`, text: reloadText(spec, names, options) },
  ];
  if (spec.listen.length > 0) files.push({ name: `${spec.name}.socket`, text: socketText(spec, names[0]!) });
  if (spec.cronRestart !== undefined) files.push({ name: `${spec.name}-reload.timer`, text: timerText(spec) });
  if (Object.keys(secret).length > 0) {
    files.push({ name: `${spec.name}.env`, text: environmentFileText(secret), isPrivate: true });
  }
  return { files: [...files, ...credentialFiles(spec), ...numberedFiles(app)], remarks };
};

/** Variables whose value is another in each instance. */
const numbered = (spec: AppSpec): string[] => [
  "VELOS_INSTANCE_ID",
  "NODE_APP_INSTANCE",
  ...(spec.instanceVar === undefined ? [] : [spec.instanceVar]),
];

const serviceText = (
  spec: AppSpec,
  visible: Readonly<Record<string, string>>,
  hasSecrets: boolean,
  { scope, directory }: UnitOptions,
  remarks: Remarks,
): string => {
  const ready = hasReadinessSignal(spec);
  const isShared = spec.listen.length > 0;
  const indexes = numbered(spec);
  const left = new Set(["VELOS_SPEC", ...indexes, ...(spec.incrementVar === undefined ? [] : [spec.incrementVar])]);
  const limit = restartLimit(spec);
  const unit: Setting[] = [
    ["Description", plainText(`${spec.name}, instance `) + "%i"],
    ["PartOf", `${spec.name}.target`],
    ["After", scope === "system" ? "network.target" : undefined],
    ...limit,
  ];
  const service: Setting[] = [
    ["Type", ready ? "notify" : "exec"],
    ["NotifyAccess", ready ? "all" : undefined],
    ["ExecStart", commandLine([spec.program, ...spec.args])],
    ["WorkingDirectory", plainText(spec.cwd)],
    [
      "Environment",
      [
        ...indexes.map((name) => `${name}=%i`),
        ...Object.entries(visible).flatMap(([name, value]) => (left.has(name) ? [] : [quotedWord(`${name}=${value}`)])),
      ],
    ],
    ["EnvironmentFile", hasSecrets ? plainText(`${directory}/${spec.name}.env`) : undefined],
    ["Sockets", isShared ? `${spec.name}.socket` : undefined],
    ["NonBlocking", isShared || undefined],
    ["SyslogIdentifier", spec.name],
    ["User", scope === "system" ? spec.user : undefined],
    ["Group", scope === "system" ? spec.group : undefined],
    ["Restart", spec.autorestart ? "always" : "no"],
    ["RestartSec", `${spec.expBackoffRestartDelayMs > 0 ? spec.expBackoffRestartDelayMs : spec.restartDelayMs}ms`],
    ["RestartPreventExitStatus", spec.stopExitCodes.length > 0 ? spec.stopExitCodes.join(" ") : undefined],
    ["SuccessExitStatus", [...new Set([143, ...spec.stopExitCodes])].join(" ")],
    ["TimeoutStartSec", ready ? `${spec.listenTimeoutMs}ms` : undefined],
    ["TimeoutStopSec", `${spec.killTimeoutMs}ms`],
    ["KillMode", "mixed"],
    ["KillSignal", spec.killSignal],
    ["MemoryMax", spec.memoryMaxBytes],
    ["CPUQuota", spec.cpuQuotaPercent === undefined ? undefined : `${spec.cpuQuotaPercent}%`],
    ["TasksMax", spec.tasksMax],
    ...sandboxSettings(spec, scope),
    ...credentials(spec, directory),
    ...Object.entries(spec.systemd),
  ];
  return unitText(head(spec, remarks), [
    ["Unit", unit],
    ["Service", service],
  ]);
};

const head = (spec: AppSpec, remarks: Remarks): string[] => [
  `Made by velos export, and runs without it: systemctl start ${spec.name}.target; ${spec.name}-reload.service restarts one by one.`,
  ...remarkLines(remarks.list),
];

/**
 * How often it may crash. A unit that reaches its limit takes its socket down with it: what listens is restarted for
 * ever.
 */
const restartLimit = (spec: AppSpec): Setting[] => {
  if (spec.listen.length > 0) return [["StartLimitIntervalSec", 0]];
  const intervalMs = Math.max(1000, (spec.maxRestarts + 1) * (spec.minUptimeMs + spec.restartDelayMs));
  return [
    ["StartLimitIntervalSec", `${intervalMs}ms`],
    ["StartLimitBurst", spec.maxRestarts + 1],
  ];
};

/** SetCredential would show the text to whoever reads the unit. */
const credentials = (spec: AppSpec, directory: string): Setting[] =>
  Object.entries(spec.credentials ?? {}).map(([name, one]) => {
    if ("encrypted" in one) return ["LoadCredentialEncrypted", `${name}:${plainText(one.encrypted)}`];
    const path = "path" in one ? one.path : `${directory}/${credentialFile(spec, name)}`;
    return ["LoadCredential", `${name}:${plainText(path)}`];
  });

const credentialFiles = (spec: AppSpec): ExportFile[] =>
  Object.entries(spec.credentials ?? {}).flatMap(([name, one]): ExportFile[] =>
    "text" in one ? [{ name: credentialFile(spec, name), text: one.text, isPrivate: true }] : [],
  );

/** In a directory of its own: a secret may be called `x.service`, and systemd takes a file of that name for a unit. */
const credentialFile = (spec: AppSpec, name: string): string => `${spec.name}.credentials/${name}`;

const targetText = (spec: AppSpec, names: readonly string[], { scope }: UnitOptions): string =>
  unitText(
    [],
    [
      [
        "Unit",
        [
          ["Description", plainText(`${spec.name}: all instances`)],
          ["Wants", names.join(" ")],
        ],
      ],
      ["Install", [["WantedBy", scope === "system" ? "multi-user.target" : "default.target"]]],
    ],
  );

/** One after the other: each line waits for the one before, which is ready when it says so. */
const reloadText = (spec: AppSpec, names: readonly string[], { scope }: UnitOptions): string => {
  const pauseMs = rolloutPauseMs(spec) + spec.rollout.minReadyMs;
  const restart = (unit: string): string => `systemctl ${scope === "user" ? "--user " : ""}restart ${unit}`;
  const lines = names
    .toReversed()
    .flatMap((unit, position) => [...(position > 0 && pauseMs > 0 ? [`sleep ${pauseMs / 1000}`] : []), restart(unit)]);
  return unitText(
    [],
    [
      ["Unit", [["Description", plainText(`${spec.name}: restart of its instances, one after the other`)]]],
      [
        "Service",
        [
          ["Type", "oneshot"],
          ["ExecStart", lines],
        ],
      ],
    ],
  );
};

const socketText = (spec: AppSpec, first: string): string => {
  const mode = spec.listen.flatMap((address) =>
    "path" in address && address.mode !== undefined ? [address.mode] : [],
  );
  return unitText(
    [],
    [
      [
        "Unit",
        [
          ["Description", plainText(`${spec.name}: listening sockets`)],
          ["PartOf", `${spec.name}.target`],
        ],
      ],
      [
        "Socket",
        [
          ["ListenStream", spec.listen.map((address) => plainText(formatListen(address)))],
          ["SocketMode", mode[0] === undefined ? undefined : mode[0].toString(8).padStart(4, "0")],
          ["Service", first],
          ["FileDescriptorName", spec.name],
          ["Backlog", 4096],
          ["RemoveOnStop", true],
          ["TriggerLimitIntervalSec", 0],
        ],
      ],
      ["Install", [["WantedBy", "sockets.target"]]],
    ],
  );
};

const timerText = (spec: AppSpec): string =>
  unitText(
    [],
    [
      ["Unit", [["Description", plainText(`${spec.name}: restart on a schedule`)]]],
      [
        "Timer",
        [
          ["OnCalendar", calendarExpressions(spec.cronRestart!)],
          ["AccuracySec", "1s"],
        ],
      ],
      ["Install", [["WantedBy", "timers.target"]]],
    ],
  );

/** A variable that grows by the instance's number is beyond a template: each instance gets a file. */
const numberedFiles = ({ spec, instances }: ExportApp): ExportFile[] => {
  const name = spec.incrementVar;
  if (name === undefined) return [];
  return Array.from({ length: instances }, (_, index) => {
    const value = instanceEnvironment(spec, index, instances).visible[name]!;
    const text = unitText([], [["Service", [["Environment", quotedWord(`${name}=${value}`)]]]]);
    return { name: `${spec.name}@${index}.service.d/50-${name.toLowerCase()}.conf`, text };
  });
};

const remarkOnUnits = (spec: AppSpec, remarks: Remarks): void => {
  if (spec.health !== undefined)
    remarks.add("health", "systemd asks nobody for its health; a watchdog is the app's to feed");
  if (spec.listen.length > 0)
    remarks.add("max_restarts", "an instance that listens is restarted for ever: giving up would close the socket");
  if (spec.maxMemoryRestartBytes !== undefined) remarks.add("max_memory_restart", "memory_max is the limit there");
  if (spec.watch.length > 0) remarks.add("watch", "a path unit that starts the reload unit does it, for single paths");
  if (spec.expBackoffRestartDelayMs > 0)
    remarks.add("exp_backoff_restart_delay", "RestartSteps= and RestartMaxDelaySec= from systemd 254 on");
  if (spec.rollout.onFailure === "revert") remarks.add("rollout", "an instance at a time, and no way back by itself");
};
