import { formatDuration } from "../config/duration.ts";
import type { AppSpec } from "../domain/app.ts";
import { rolloutBudget } from "../domain/app.ts";
import type { Probe } from "./container.ts";
import { containerOf, probeOf, remarkOnContainer } from "./container.ts";
import type { ExportApp, Exported, ExportOptions } from "./exported.ts";
import { remarkLines, Remarks } from "./exported.ts";
import { yamlText } from "./yaml-text.ts";

type Json = Record<string, unknown>;

/** A compose file, for `docker compose` and swarm. Pure. */
export const exportCompose = (apps: readonly ExportApp[], options: ExportOptions = {}): Exported => {
  const remarks: Remarks[] = [];
  const services: Json = {};
  for (const app of apps) {
    const own = new Remarks(app.spec.name);
    services[app.spec.name] = serviceOf(app, options, own);
    remarks.push(own);
  }
  const list = remarks.flatMap((one) => one.list);
  const comments = remarks.flatMap((one) => remarkLines(one.list).map((line) => `# ${one.list[0]!.app}: ${line}\n`));
  const text = `${comments.join("")}${yamlText({ services })}`;
  return { files: [{ name: "compose.yaml", text }], remarks: list };
};

const serviceOf = ({ spec, instances }: ExportApp, options: ExportOptions, remarks: Remarks): Json => {
  const { command, workingDir, env, secrets } = containerOf(spec, remarks);
  const { image = "{app}:latest" } = options;
  if (secrets.length > 0) remarks.add("env_file", `put ${secrets.join(", ")} into ${spec.name}.env`);
  const service = {
    image: image.replaceAll("{app}", spec.name.toLowerCase()),
    command: command.map(escaped),
    working_dir: workingDir,
    ...(Object.keys(env).length > 0 && {
      environment: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, escaped(value)])),
    }),
    ...(secrets.length > 0 && { env_file: [`${spec.name}.env`] }),
    ...ports(spec, instances, remarks),
    ...(spec.user !== undefined && { user: spec.group === undefined ? spec.user : `${spec.user}:${spec.group}` }),
    restart: restart(spec, remarks),
    stop_grace_period: goDuration(spec.killTimeoutMs),
    stop_signal: spec.killSignal,
    // A container has no init that takes over what the app leaves behind.
    init: true,
    ...healthcheck(spec, remarks),
    ...(spec.tasksMax !== undefined && { pids_limit: spec.tasksMax }),
    ...confinement(spec, remarks),
    deploy: deploy(spec, instances, remarks),
  };
  remarkOnContainer(spec, remarks);
  if (spec.cronRestart !== undefined) remarks.add("cron_restart", "docker compose restart, from a crontab, does it");
  if (spec.stopExitCodes.length > 0) remarks.add("stop_exit_codes", "a service is restarted by its policy alone");
  return service;
};

/** Compose fills in `$NAME`; `$$` is a dollar. */
const escaped = (text: string): string => text.replaceAll("$", "$$$$");

/** As Go writes durations, which has no days: 90s is 1m30s. */
const goDuration = (ms: number): string => {
  if (ms === 0) return "0s";
  const days = Math.floor(ms / 86_400_000);
  const rest = ms % 86_400_000;
  if (days === 0) return formatDuration(ms);
  return `${days * 24 + Math.floor(rest / 3_600_000)}h${rest % 3_600_000 === 0 ? "" : formatDuration(rest % 3_600_000)}`;
};

const ports = (spec: AppSpec, instances: number, remarks: Remarks): Json => {
  const list = spec.listen.flatMap((address) => {
    if (!("port" in address)) return [];
    const host =
      address.host === undefined ? "" : `${address.host.includes(":") ? `[${address.host}]` : address.host}:`;
    return [`${host}${address.port}:${address.port}`];
  });
  if (list.length > 0 && instances > 1) {
    const why = "outside of a swarm one container alone can have a port of the machine: put a proxy before them there";
    remarks.add("instances", why);
  }
  return list.length > 0 ? { ports: list } : {};
};

const restart = (spec: AppSpec, remarks: Remarks): string => {
  if (!spec.autorestart) return "no";
  remarks.add("max_restarts", "a container is restarted for ever, with a delay that doubles");
  return "unless-stopped";
};

const healthcheck = (spec: AppSpec, remarks: Remarks): Json => {
  const { health } = spec;
  const probe = probeOf(spec, remarks);
  if (health === undefined || probe === undefined) return {};
  if (probe.kind !== "command") remarks.add("health", "is asked from within the container, by a program of the image");
  remarks.add("health.failures", "what is unhealthy is shown so, and restarted only in a swarm");
  return {
    healthcheck: {
      test: ["CMD", ...probeCommand(probe, spec).map(escaped)],
      interval: goDuration(health.intervalMs),
      timeout: goDuration(health.timeoutMs),
      retries: health.failures,
      start_period: goDuration(Math.max(health.gracePeriodMs, spec.listenTimeoutMs)),
    },
  };
};

/** Node can ask by itself; other images mostly have wget, by busybox at least. */
const probeCommand = (probe: Probe, spec: AppSpec): string[] => {
  if (probe.kind === "command") return probe.words;
  const isNode = spec.interpreter === "node";
  if (probe.kind === "tcp") {
    return isNode
      ? [
          "node",
          "-e",
          `require("net").connect(${probe.port}).on("connect",()=>process.exit(0)).on("error",()=>process.exit(1))`,
        ]
      : ["nc", "-z", "127.0.0.1", String(probe.port)];
  }
  const url = `${probe.scheme.toLowerCase()}://127.0.0.1:${probe.port}${probe.path}`;
  return isNode
    ? ["node", "-e", `fetch(${JSON.stringify(url)}).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))`]
    : ["wget", "-q", "-O", "/dev/null", url];
};

const confinement = ({ sandbox }: AppSpec, remarks: Remarks): Json => {
  if (sandbox?.profile !== "strict") return {};
  if (sandbox.write !== undefined) remarks.add("sandbox.write", `mount volumes at ${sandbox.write.join(", ")}`);
  return {
    read_only: true,
    tmpfs: ["/tmp"],
    cap_drop: ["ALL"],
    ...(sandbox.capabilities && { cap_add: sandbox.capabilities.map((name) => name.replace(/^CAP_/, "")) }),
    security_opt: ["no-new-privileges:true"],
  };
};

const deploy = (spec: AppSpec, instances: number, remarks: Remarks): Json => {
  const { rollout, memoryMaxBytes, cpuQuotaPercent } = spec;
  const { maxUnavailable, surge } = rolloutBudget(spec, instances);
  if (maxUnavailable > 0 && surge > 0) {
    remarks.add("rollout", "a swarm either starts first or stops first; it was taken to start the new one first");
  }
  const limits = {
    ...(memoryMaxBytes !== undefined && { memory: `${memoryMaxBytes}b` }),
    ...(cpuQuotaPercent !== undefined && { cpus: String(cpuQuotaPercent / 100) }),
  };
  return {
    replicas: instances,
    update_config: {
      parallelism: Math.max(1, surge > 0 ? surge : maxUnavailable),
      order: surge > 0 ? "start-first" : "stop-first",
      delay: goDuration(rollout.pauseMs ?? 0),
      monitor: goDuration(Math.max(rollout.minReadyMs, spec.minUptimeMs)),
      failure_action: rollout.onFailure === "revert" ? "rollback" : "pause",
    },
    ...(Object.keys(limits).length > 0 && { resources: { limits } }),
  };
};
