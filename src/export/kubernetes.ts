import type { AppSpec } from "../domain/app.ts";
import { rolloutBudget } from "../domain/app.ts";
import type { Container, Probe } from "./container.ts";
import { containerOf, probeOf, remarkOnContainer } from "./container.ts";
import type { ExportApp, Exported, ExportOptions } from "./exported.ts";
import { portOf, remarkLines, Remarks, wholeSeconds } from "./exported.ts";
import { yamlText } from "./yaml-text.ts";

type Json = Record<string, unknown>;

/** Deployments (Jobs, for what is not restarted) and Services for Kubernetes. Pure. */
export const exportKubernetes = (apps: readonly ExportApp[], options: ExportOptions = {}): Exported => {
  const names = resourceNames(apps.map(({ spec }) => spec.name));
  const all = apps.map((app, index) => exportApp(app, names[index]!, options));
  return {
    files: [{ name: "kubernetes.yaml", text: all.map(({ text }) => text).join("---\n") }],
    remarks: all.flatMap(({ remarks }) => remarks.list),
  };
};

const exportApp = (
  { spec, instances }: ExportApp,
  name: string,
  options: ExportOptions,
): { text: string; remarks: Remarks } => {
  const remarks = new Remarks(spec.name);
  remarkOnName(spec.name, name, remarks);
  const container = containerOf(spec, remarks);
  const labels = { "app.kubernetes.io/name": name };
  const template = { metadata: { labels }, spec: podSpec(spec, name, container, options, remarks) };
  const workload = spec.autorestart
    ? deployment(spec, name, labels, instances, template, remarks)
    : job(name, labels, instances, template);
  remarkOnContainer(spec, remarks);
  remarkOnCluster(spec, remarks);
  const resources = [workload, ...service(spec, name, labels)];
  const comments = remarkLines(remarks.list).map((line) => `# ${line}\n`);
  return {
    text: `${comments.join("")}${resources.map(yamlText).join("---\n")}`,
    remarks,
  };
};

const deployment = (
  spec: AppSpec,
  name: string,
  labels: Json,
  instances: number,
  template: Json,
  remarks: Remarks,
): Json => {
  const { rollout } = spec;
  const budget = rolloutBudget(spec, instances);
  const maxUnavailable = typeof rollout.maxUnavailable === "string" ? rollout.maxUnavailable : budget.maxUnavailable;
  if (rollout.onFailure === "revert") {
    remarks.add("rollout.on_failure", "a rollout that stops goes back by hand: kubectl rollout undo deployment");
  }
  if (rollout.pauseMs !== undefined && rollout.pauseMs > 0) {
    remarks.add("rollout.pause", "became a part of minReadySeconds, the only wait between pods");
  }
  const minReadySeconds = wholeSeconds(rollout.minReadyMs + (rollout.pauseMs ?? 0));
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: {
      replicas: instances,
      selector: { matchLabels: labels },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable, maxSurge: budget.surge } },
      ...(minReadySeconds > 0 && { minReadySeconds }),
      // Counted for the whole of a step there, so it has to be longer than the wait in it.
      progressDeadlineSeconds: wholeSeconds(rollout.deadlineMs) + minReadySeconds,
      template,
    },
  };
};

/** What is not restarted when it has ended. */
const job = (name: string, labels: Json, instances: number, template: Json): Json => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name, labels },
  spec: { completions: instances, parallelism: instances, backoffLimit: 0, template },
});

/**
 * Kubernetes fills in `$(NAME)` in a container's command and the values of its variables, where `$$` is a dollar; all
 * that velos passes is meant as it stands. The documentation says nothing of probes by a command, but the kubelet fills
 * in theirs too (runProbe in pkg/kubelet/prober, by ExpandContainerCommandOnlyStatic).
 */
const escaped = (text: string): string => text.replaceAll("$", "$$$$");

const podSpec = (
  spec: AppSpec,
  name: string,
  container: Container,
  { image = "{app}:latest" }: ExportOptions,
  remarks: Remarks,
): Json => {
  const { command, workingDir, env, secrets } = container;
  const ports = spec.listen.flatMap((address) => ("port" in address ? [{ containerPort: address.port }] : []));
  if (secrets.length > 0) {
    const why = `${secrets.join(", ")}: kubectl create secret generic ${name}-env --from-env-file=…`;
    remarks.add("env_file", why);
  }
  return {
    terminationGracePeriodSeconds: wholeSeconds(spec.killTimeoutMs),
    ...(!spec.autorestart && { restartPolicy: "Never" }),
    containers: [
      {
        name,
        image: image.replaceAll("{app}", name),
        command: command.map(escaped),
        workingDir,
        ...(ports.length > 0 && { ports }),
        ...(Object.keys(env).length > 0 && {
          env: Object.entries(env).map(([key, value]) => ({ name: key, value: escaped(value) })),
        }),
        ...(secrets.length > 0 && { envFrom: [{ secretRef: { name: `${name}-env` } }] }),
        ...resources(spec),
        ...probes(spec, remarks),
        ...securityContext(spec, remarks),
      },
    ],
  };
};

const resources = ({ memoryMaxBytes, cpuQuotaPercent }: AppSpec): Json => {
  const limits = {
    ...(memoryMaxBytes !== undefined && { memory: quantity(memoryMaxBytes) }),
    ...(cpuQuotaPercent !== undefined && { cpu: `${Math.max(1, Math.round(cpuQuotaPercent * 10))}m` }),
  };
  return Object.keys(limits).length > 0 ? { resources: { limits } } : {};
};

/** Bytes as Kubernetes writes them: 536870912 is 512Mi. */
const quantity = (bytes: number): string => {
  const units = ["", "Ki", "Mi", "Gi", "Ti"];
  let unit = 0;
  let count = bytes;
  for (; count > 0 && count % 1024 === 0 && unit < units.length - 1; unit++) count /= 1024;
  return `${count}${units[unit]}`;
};

const probes = (spec: AppSpec, remarks: Remarks): Json => {
  if (!spec.autorestart) return {};
  const { health } = spec;
  const port = portOf(spec);
  const probe = probeOf(spec, remarks) ?? (port === undefined ? undefined : ({ kind: "tcp", port } as const));
  if (probe === undefined) return {};
  const action = probeAction(probe);
  if (health === undefined) return { readinessProbe: { ...action, periodSeconds: 1 } };
  const pace = {
    periodSeconds: Math.max(1, Math.round(health.intervalMs / 1000)),
    timeoutSeconds: Math.max(1, wholeSeconds(health.timeoutMs)),
    failureThreshold: health.failures,
  };
  // As long as an instance may take to get ready, nothing is held against it.
  const graceSeconds = wholeSeconds(Math.max(health.gracePeriodMs, spec.listenTimeoutMs));
  return {
    startupProbe: { ...action, periodSeconds: 1, timeoutSeconds: pace.timeoutSeconds, failureThreshold: graceSeconds },
    readinessProbe: { ...action, ...pace },
    livenessProbe: { ...action, ...pace },
  };
};

const probeAction = (probe: Probe): Json => {
  switch (probe.kind) {
    case "http": {
      const { path, port, scheme } = probe;
      return { httpGet: { path, port, ...(scheme === "HTTPS" && { scheme }) } };
    }
    case "tcp":
      return { tcpSocket: { port: probe.port } };
    case "command":
      return { exec: { command: probe.words.map(escaped) } };
  }
};

const securityContext = ({ user, group, sandbox }: AppSpec, remarks: Remarks): Json => {
  const number = (key: string, name: string | undefined): number | undefined => {
    if (name === undefined) return undefined;
    if (/^\d+$/.test(name)) return Number(name);
    remarks.add(key, `${name}: a container's ${key} is a number; set runAs${key === "user" ? "User" : "Group"}`);
    return undefined;
  };
  const runAsUser = number("user", user);
  const runAsGroup = number("group", group);
  const isStrict = sandbox?.profile === "strict";
  if (isStrict && sandbox.write !== undefined)
    remarks.add("sandbox.write", `mount volumes at ${sandbox.write.join(", ")}`);
  const context = {
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    ...(isStrict && {
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"], ...(sandbox.capabilities && { add: sandbox.capabilities.map(withoutPrefix) }) },
    }),
    ...(sandbox !== undefined && sandbox.profile !== "none" && { seccompProfile: { type: "RuntimeDefault" } }),
  };
  return Object.keys(context).length > 0 ? { securityContext: context } : {};
};

const withoutPrefix = (capability: string): string => capability.replace(/^CAP_/, "");

const service = (spec: AppSpec, name: string, labels: Json): Json[] => {
  const ports = spec.listen.flatMap((address) => ("port" in address ? [address.port] : []));
  if (ports.length === 0) return [];
  const list = ports.map((port) => ({ name: `port-${port}`, port, targetPort: port }));
  return [{ apiVersion: "v1", kind: "Service", metadata: { name, labels }, spec: { selector: labels, ports: list } }];
};

/** Shorter than a DNS label may be (63), for what is called after an app: its Secret, its pods. */
const MAX_NAME = 50;

/** A name as Kubernetes takes them: a DNS label. */
const resourceName = (app: string): string => {
  const name = app
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^[^a-z]+/, "app-");
  return shortened(name, MAX_NAME);
};

const shortened = (name: string, length: number): string => name.slice(0, length).replace(/-+$/, "");

/**
 * Names of the resources of apps, each another: of two resources of one name, `kubectl apply` would keep the latter. Who
 * is called by a name that Kubernetes takes as it is keeps it, wherever it stands; others get a number.
 */
const resourceNames = (apps: readonly string[]): string[] => {
  const used = new Set(apps.filter((app) => resourceName(app) === app));
  return apps.map((app) => {
    const name = resourceName(app);
    if (name === app) return app;
    const free = freeName(name, used);
    used.add(free);
    return free;
  });
};

const freeName = (name: string, used: ReadonlySet<string>): string => {
  let free = name;
  for (let number = 2; used.has(free); number++) {
    const suffix = `-${number}`;
    free = `${shortened(name, MAX_NAME - suffix.length)}${suffix}`;
  }
  return free;
};

const remarkOnName = (app: string, name: string, remarks: Remarks): void => {
  if (name === app) return;
  const taken = name === resourceName(app) ? "" : `, and ${resourceName(app)} is another app`;
  remarks.add("name", `${app} is called ${name}: names there are of a-z, 0-9 and -, ${MAX_NAME} at most${taken}`);
};

const remarkOnCluster = (spec: AppSpec, remarks: Remarks): void => {
  if (spec.cronRestart !== undefined) {
    remarks.add("cron_restart", `a CronJob that runs kubectl rollout restart at "${spec.cronRestart}" does it`);
  }
  if (spec.tasksMax !== undefined) remarks.add("tasks_max", "the kubelet's podPidsLimit is for all pods");
  if (spec.killSignal !== "SIGTERM") remarks.add("kill_signal", `${spec.killSignal}: STOPSIGNAL of the image says it`);
  if (spec.stopExitCodes.length > 0 && spec.autorestart) {
    remarks.add("stop_exit_codes", "a Deployment restarts whatever ends; make it a Job if it is to end");
  }
};
