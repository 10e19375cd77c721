import type { Backend, BackendName } from "../backend/backend.ts";
import { fingerprint } from "../domain/app.ts";
import type { Exit, InstanceStatus, ObservedInstance } from "../domain/instance.ts";
import type { Hold } from "../domain/record.ts";
import type { Rollout } from "../domain/rollout.ts";
import type { AppState } from "./app-state.ts";
import type { Counters } from "./counters.ts";
import type { RolloutCount } from "./rollout-count.ts";
import { countRollout } from "./rollout-count.ts";
import type { UsageMeter } from "./usage-meter.ts";

/** One instance as `velos list` shows it: a row. Absent members are not known or do not apply. */
export interface InstanceView {
  /** `api:2` */
  name: string;
  app: string;
  index: number;
  status: InstanceStatus;
  unit?: string;
  pid?: number;
  /** 100 = one core. */
  cpuPercent?: number;
  memoryBytes?: number;
  uptimeMs?: number;
  startedAt?: number;
  /** Every restart there ever was, automatic or by hand. */
  restarts: number;
  /** Fingerprint of the spec it runs on. */
  spec?: string;
  /** Changes with every run; systemd's invocation id. */
  run?: string;
  exit?: Exit;
  hold?: Hold;
}

/** One app with its instances. */
export interface AppView {
  name: string;
  /** How many instances are wanted when it runs. */
  instances: number;
  running: boolean;
  online: number;
  backend: BackendName;
  /** Fingerprint of the wanted spec. */
  spec: string;
  /** What runs, for people: script or command. */
  command: string;
  cwd: string;
  user?: string;
  createdAt: number;
  updatedAt: number;
  rollout?: Rollout & RolloutCount;
  processes: InstanceView[];
}

/** What a view is made from. */
export interface ViewContext {
  backend: Backend;
  /** The app's instances, with what is known of their health. */
  observe: (app: string) => readonly ObservedInstance[];
  counters: Counters;
  now: number;
}

/** An app as `velos list` shows it, with the figures of its instances unless `usage` is false. */
export const viewApp = async (
  state: AppState,
  context: ViewContext & { meter: UsageMeter },
  usage = true,
): Promise<AppView> => {
  const { view, observed } = lookAtApp(state, context);
  if (!usage) return view;
  const processes = await Promise.all(
    view.processes.map(async (instance): Promise<InstanceView> => {
      const found = observed.get(instance.index);
      if (found?.pid === undefined) return instance;
      return { ...instance, ...(await context.meter.measure(state.name, found)) };
    }),
  );
  return { ...view, processes };
};

/** An app at this moment, without figures: no I/O. */
export const lookAtApp = (
  state: AppState,
  context: ViewContext,
): { view: AppView; observed: ReadonlyMap<number, ObservedInstance> } => {
  const { record } = state;
  const observed = new Map(context.observe(state.name).map((instance) => [instance.index, instance]));
  const indexes = new Set([...observed.keys(), ...Array.from({ length: record.instances }, (_, index) => index)]);
  const processes = [...indexes]
    .sort((a, b) => a - b)
    .map((index) => viewInstance(state, index, observed.get(index), context));
  const view: AppView = {
    name: state.name,
    instances: record.instances,
    running: record.running,
    online: processes.filter(({ status }) => status === "online").length,
    backend: context.backend.name,
    spec: fingerprint(record.spec),
    command: record.spec.script ?? [record.spec.program, ...record.spec.args].join(" "),
    cwd: record.spec.cwd,
    ...(record.spec.user !== undefined && { user: record.spec.user }),
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    ...(record.rollout && { rollout: { ...record.rollout, ...countRollout(record, observed, context.now) } }),
    processes,
  };
  return { view, observed };
};

const viewInstance = (
  state: AppState,
  index: number,
  instance: ObservedInstance | undefined,
  { counters, now }: ViewContext,
): InstanceView => {
  const hold = state.record.holds[index];
  const track = counters.get(state.name, index);
  const exit = instance?.exit ?? hold?.exit ?? track.exit;
  return {
    name: `${state.name}:${index}`,
    app: state.name,
    index,
    status: statusOf(state, index, instance, hold),
    ...(instance && { unit: instance.unit, spec: instance.fingerprint, run: instance.run }),
    ...(instance?.pid !== undefined && { pid: instance.pid }),
    ...(instance?.startedAt !== undefined && {
      startedAt: instance.startedAt,
      uptimeMs: Math.max(0, now - instance.startedAt),
    }),
    restarts: track.total,
    ...(exit && { exit }),
    ...(hold && { hold }),
  };
};

/** What an operator is shown: what the backend says, with what velos is doing about it. */
export const statusOf = (
  state: AppState,
  index: number,
  instance: ObservedInstance | undefined,
  hold: Hold | undefined,
): InstanceStatus => {
  const pending = state.pending.get(index)?.type;
  if (instance) {
    if (pending === "stop" && instance.status !== "errored") return "stopping";
    if (hold?.why === "gave-up") return "errored";
    return instance.status;
  }
  if (hold?.why === "gave-up" || hold?.why === "failed") return "errored";
  return pending === "start" ? "starting" : "stopped";
};
