import type { AppSpec } from "../domain/app.ts";
import { rolloutBudget } from "../domain/app.ts";
import { containerOf, probeOf } from "./container.ts";
import type { ExportApp, Exported, ExportOptions } from "./exported.ts";
import { portOf, Remarks } from "./exported.ts";

type Json = Record<string, unknown>;

/**
 * Jobs for Nomad, as JSON: it is the form of Nomad's own API, which `nomad job run -json` takes, and it needs no writer of
 * HCL of our own, whose templates would have to be escaped. Pure.
 */
export const exportNomad = (apps: readonly ExportApp[], options: ExportOptions = {}): Exported => {
  const exported = apps.map((app) => {
    const remarks = new Remarks(app.spec.name);
    const job = jobOf(app, options, remarks);
    // JSON has no comments.
    const meta = Object.fromEntries(remarks.list.map(({ key, why }) => [`velos_${key.replaceAll(".", "_")}`, why]));
    const text = JSON.stringify({ Job: { ...job, ...(remarks.list.length > 0 && { Meta: meta }) } }, null, 2);
    return { file: { name: `${app.spec.name}.nomad.json`, text: `${text}\n` }, remarks };
  });
  return { files: exported.map(({ file }) => file), remarks: exported.flatMap(({ remarks }) => remarks.list) };
};

/** Durations are nanoseconds there. */
const nanoseconds = (ms: number): number => Math.round(ms) * 1_000_000;

/**
 * A text of a driver's Config. Submitted as JSON, a job is not read as HCL: no `$${` of it is taken away on the way to
 * the client. But there Config alone is evaluated as a template of HCL (ParseHclInterface in client/allocrunner/taskrunner
 * and helper/pluginutils/hclutils), which fills in `${…}`, follows `%{…}`, and takes the doubled mark for the text.
 */
const escaped = (text: string): string => text.replaceAll(/[$%](?=\{)/g, (mark) => mark + mark);

/**
 * What a client fills in in the values of Env, if it knows the name; it leaves others as they are. It is no template but
 * an expression of its own (ReplaceEnv in helper/args), which has no way to escape: `$${HOME}` would be a dollar too many.
 */
const REFERENCE = /\$\{[\w.-]+\}/;

const remarkOnReferences = (env: Record<string, string>, remarks: Remarks): void => {
  const names = Object.keys(env).filter((name) => REFERENCE.test(env[name]!));
  if (names.length === 0) return;
  remarks.add("env", `${names.join(", ")}: where Nomad knows a name in the braces after a $, it fills it in`);
};

const jobOf = ({ spec, instances }: ExportApp, options: ExportOptions, remarks: Remarks): Json => {
  const { name } = spec;
  const port = portOf(spec);
  return {
    ID: name,
    Name: name,
    Type: spec.autorestart ? "service" : "batch",
    Datacenters: ["*"],
    ...(spec.autorestart && { Update: update(spec, instances, remarks) }),
    TaskGroups: [
      {
        Name: name,
        Count: instances,
        RestartPolicy: restartPolicy(spec),
        // Instances may meet on one machine: each gets a port there.
        ...(port !== undefined && {
          Networks: [{ DynamicPorts: [{ Label: "http", ...(options.image !== undefined && { To: port }) }] }],
        }),
        ...services(spec, port, remarks),
        Tasks: [task(spec, port, options, remarks)],
      },
    ],
  };
};

const update = (spec: AppSpec, instances: number, remarks: Remarks): Json => {
  const { rollout } = spec;
  const { maxUnavailable, surge } = rolloutBudget(spec, instances);
  if (surge > 0) remarks.add("rollout.surge", "Nomad replaces; only canaries are extra, and those ask to be promoted");
  const healthyMs = Math.max(rollout.minReadyMs, spec.minUptimeMs);
  // Nomad refuses a deadline that is not later than what it is for.
  const deadlineMs = Math.max(rollout.deadlineMs, healthyMs + 1000);
  return {
    MaxParallel: Math.max(1, maxUnavailable),
    MinHealthyTime: nanoseconds(healthyMs),
    HealthyDeadline: nanoseconds(deadlineMs),
    // The whole of it has to be longer than one of its steps.
    ProgressDeadline: nanoseconds(deadlineMs + 60_000),
    AutoRevert: rollout.onFailure === "revert",
    Stagger: nanoseconds(rollout.pauseMs ?? 0),
  };
};

const restartPolicy = (spec: AppSpec): Json => ({
  Attempts: spec.autorestart ? spec.maxRestarts : 0,
  // As long as so many short runs take: who crashes as often in that time is given up.
  Interval: nanoseconds(Math.max(5000, spec.maxRestarts * (spec.minUptimeMs + spec.restartDelayMs))),
  Delay: nanoseconds(Math.max(spec.restartDelayMs, spec.expBackoffRestartDelayMs)),
  Mode: "fail",
});

const services = (spec: AppSpec, port: number | undefined, remarks: Remarks): Json => {
  if (port === undefined) return {};
  const { health } = spec;
  const probe = probeOf(spec, remarks);
  const isCommand = probe?.kind === "command";
  if (isCommand) remarks.add("health.command", "checks by a command need Consul, and a service of that provider");
  if (spec.waitReady) remarks.add("wait_ready", "nobody hears READY=1 there; the check of the service says it");
  const check = {
    Name: spec.name,
    Type: probe?.kind === "http" ? "http" : "tcp",
    ...(probe?.kind === "http" && { Path: probe.path, Protocol: probe.scheme.toLowerCase() }),
    Interval: nanoseconds(Math.max(1000, health?.intervalMs ?? 10_000)),
    Timeout: nanoseconds(Math.max(1000, health?.timeoutMs ?? 2000)),
    ...(health &&
      !isCommand && {
        CheckRestart: {
          Limit: health.failures,
          Grace: nanoseconds(Math.max(health.gracePeriodMs, spec.listenTimeoutMs)),
        },
      }),
  };
  return { Services: [{ Name: spec.name, PortLabel: "http", Provider: "nomad", Checks: [check] }] };
};

/** The driver has had an option for the directory only of late; the shell is replaced by the program. */
const IN_DIRECTORY = 'cd "$0" && exec "$@"';

const task = (spec: AppSpec, port: number | undefined, { image }: ExportOptions, remarks: Remarks): Json => {
  const secrets = Object.keys(spec.secretEnv);
  if (secrets.length > 0) {
    remarks.add("env_file", `nomad var put nomad/jobs/${spec.name} ${secrets.map((name) => `${name}=…`).join(" ")}`);
  }
  remarkOnJob(spec, remarks);
  const inside = image === undefined ? undefined : containerOf(spec, remarks);
  if (image === undefined) {
    remarks.add("driver", "raw_exec runs what is on each machine, at the same paths; --image makes it a container");
  }
  const own = inside?.env ?? ofTheApp(spec);
  remarkOnReferences(own, remarks);
  const numbered = [
    "NODE_APP_INSTANCE",
    "VELOS_INSTANCE_ID",
    ...(spec.instanceVar === undefined ? [] : [spec.instanceVar]),
  ];
  const env = {
    ...own,
    ...(port !== undefined && !secrets.includes("PORT") && { PORT: inside ? String(port) : "${NOMAD_PORT_http}" }),
    ...Object.fromEntries(numbered.map((name) => [name, "${NOMAD_ALLOC_INDEX}"])),
  };
  const words = (inside?.command ?? [spec.program, ...spec.args]).map(escaped);
  const [command, ...args] = words;
  return {
    Name: spec.name,
    Driver: inside ? "docker" : "raw_exec",
    Config: inside
      ? {
          image: image!.replaceAll("{app}", spec.name.toLowerCase()),
          command,
          args,
          work_dir: inside.workingDir,
          ...(port !== undefined && { ports: ["http"] }),
          ...(spec.tasksMax !== undefined && { pids_limit: spec.tasksMax }),
        }
      : { command: "/bin/sh", args: ["-c", IN_DIRECTORY, escaped(spec.cwd), ...words] },
    Env: env,
    ...(spec.user !== undefined && { User: spec.user }),
    KillTimeout: nanoseconds(spec.killTimeoutMs),
    KillSignal: spec.killSignal,
    ...resources(spec, remarks),
    ...templates(spec.name, secrets),
  };
};

/** Who a task runs as is Nomad's to say. */
const ofTheApp = ({ env }: AppSpec): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(?:HOME|USER|LOGNAME)$/.test(name)));

const resources = ({ memoryMaxBytes, cpuQuotaPercent }: AppSpec, remarks: Remarks): Json => {
  if (cpuQuotaPercent !== undefined) {
    remarks.add("cpu_quota", `${cpuQuotaPercent}% became so many MHz of a processor of 2 GHz; Nomad counts in MHz`);
  }
  const resource = {
    ...(memoryMaxBytes !== undefined && { MemoryMB: Math.max(10, Math.round(memoryMaxBytes / 1024 ** 2)) }),
    ...(cpuQuotaPercent !== undefined && { CPU: Math.max(20, Math.round(cpuQuotaPercent * 20)) }),
  };
  return Object.keys(resource).length > 0 ? { Resources: resource } : {};
};

/** Secrets come from Nomad's own variables. */
const templates = (name: string, secrets: readonly string[]): Json => {
  if (secrets.length === 0) return {};
  const lines = secrets.map((secret) => `${secret}={{ .${secret} | toJSON }}\n`);
  const text = `{{ with nomadVar "nomad/jobs/${name}" }}\n${lines.join("")}{{ end }}\n`;
  return { Templates: [{ EmbeddedTmpl: text, DestPath: "secrets/env", Envvars: true }] };
};

const remarkOnJob = (spec: AppSpec, remarks: Remarks): void => {
  if (spec.listen.length > 0)
    remarks.add("listen", "each instance gets a port of its own, as PORT, and has to listen there");
  if (spec.incrementVar !== undefined) {
    remarks.add("increment_var", `nothing is added to ${spec.incrementVar}; PORT is one of each instance's own anyway`);
  }
  if (spec.group !== undefined) remarks.add("group", "a task runs with its user's group");
  if (spec.watch.length > 0) remarks.add("watch", "Nomad watches no files");
  if (spec.cronRestart !== undefined) remarks.add("cron_restart", `nomad job restart at "${spec.cronRestart}" does it`);
  if (spec.stopExitCodes.length > 0) remarks.add("stop_exit_codes", "a job of type batch takes 0 for done");
  if (spec.maxMemoryRestartBytes !== undefined) remarks.add("max_memory_restart", "memory_max is the limit there");
  if (spec.tasksMax !== undefined) remarks.add("tasks_max", "only the driver docker limits processes");
  if (spec.shutdownWithMessage) remarks.add("shutdown_with_message", "the signal is all that a task is sent");
  if (spec.sandbox?.profile === "strict")
    remarks.add("sandbox", "the drivers docker and exec confine; raw_exec does not");
  if (spec.credentials !== undefined) {
    remarks.add(
      "credentials",
      `${Object.keys(spec.credentials).join(", ")}: files by a template, and CREDENTIALS_DIRECTORY`,
    );
  }
  if (Object.keys(spec.systemd).length > 0)
    remarks.add("systemd", `settings of units: ${Object.keys(spec.systemd).join(", ")}`);
};
