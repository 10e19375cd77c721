// The only file that spells property names of the service manager, and the only one that knows its words for states.
import { constants } from "node:os";
import type { AppSpec } from "../../domain/app.ts";
import { hasReadinessSignal } from "../../domain/app.ts";
import type { Exit, InstanceStatus } from "../../domain/instance.ts";
import { usesHealthSocket } from "../../domain/health-target.ts";
import type { InstancePlaces } from "../../domain/instance-environment.ts";
import { instanceEnvironment } from "../../domain/instance-environment.ts";
import type { Scope } from "../backend.ts";
import { Variant } from "./bus.ts";
import { appSlice, healthDirectory, syslogIdentifier } from "./names.ts";

/** A property as D-Bus takes it. */
export type Property = [name: string, value: Variant];

/** The manager refuses a whole call for one property that it does not know: the version each came with, or works from. */
const SINCE = { RestartSteps: 254, RestartMaxDelayUSec: 254, ExecStartEx: 254 } as const satisfies Record<
  string,
  number
>;

const usec = (milliseconds: number): Variant => new Variant("t", BigInt(Math.round(milliseconds * 1000)));

/** Longest delay of a doubling restart delay, as pm2 has it. */
const MAX_BACKOFF_MS = 15_000;

const signalNumber = (name: string): number => constants.signals[name as NodeJS.Signals];

/** What the manager says of a limit that there is not. */
const INFINITY = 2n ** 64n - 1n;

/** The limits that can be set on a running unit as well as on a new one. */
export const limitProperties = (spec: AppSpec): Property[] => {
  const properties: Property[] = [];
  const add = (name: string, value: number | undefined): void => {
    if (value !== undefined) properties.push([name, new Variant("t", BigInt(Math.round(value)))]);
  };
  add("MemoryMax", spec.memoryMaxBytes);
  add("CPUQuotaPerSecUSec", spec.cpuQuotaPercent === undefined ? undefined : spec.cpuQuotaPercent * 10_000);
  add("TasksMax", spec.tasksMax);
  return properties;
};

/** The limits that a spec had and the next has not. */
export const droppedLimits = (spec: AppSpec, before: AppSpec | undefined): Property[] => {
  const names = new Set(limitProperties(spec).map(([name]) => name));
  return before === undefined ? [] : limitProperties(before).filter(([name]) => !names.has(name));
};

/**
 * What lifts limits of a unit that velos has set. A value that is not velos's own, of an operator's drop-in or of
 * `[apps.x.systemd]`, is left alone.
 * @param properties a GetAll answer of the unit
 */
export const liftLimits = (dropped: readonly Property[], properties: Record<string, Variant>): Property[] =>
  dropped
    .filter(([name, { value }]) => BigInt((properties[name]?.value as bigint | undefined) ?? INFINITY) === value)
    .map(([name]) => [name, new Variant("t", INFINITY)]);

/**
 * The command, so that what the user wrote reaches the program, `$` included. Below 254 the manager keeps ExecStartEx in
 * its file under that name, which it does not know when it reads the file again: after `systemctl daemon-reload` the
 * unit could not be restarted. There the `$` is doubled instead. (After a daemon-reload such a manager puts a backslash
 * before each `$` and `;` of the next run's arguments; that is its own, and happens with ExecStartEx as well.)
 */
export const execStart = (program: string, args: readonly string[], version: number): Property =>
  version >= SINCE.ExecStartEx
    ? ["ExecStartEx", new Variant("a(sasas)", [[program, [program, ...args], ["no-env-expand"]]])]
    : [
        "ExecStart",
        new Variant("a(sasb)", [[program, [program, ...args].map((word) => word.replaceAll("$", "$$$$")), false]]),
      ];

/** Everything that the manager is told about an instance. */
export const instanceProperties = (
  spec: AppSpec,
  index: number,
  count: number,
  options: {
    version: number;
    scope: Scope;
    places: InstancePlaces;
    secretFile?: string;
    variablesFile: string;
    /** Of its sandbox and its secrets. */
    confinement?: readonly Property[];
  },
): Property[] => {
  const { visible } = instanceEnvironment(spec, index, count, options.places);
  const ready = hasReadinessSignal(spec);
  const backoff = spec.expBackoffRestartDelayMs > 0;
  const delayMs = backoff ? spec.expBackoffRestartDelayMs : spec.restartDelayMs;
  const clean = [...new Set([143, ...spec.stopExitCodes])];
  const properties: Property[] = [
    ["Description", new Variant("s", `velos: ${spec.name}, instance ${index}`)],
    ["Type", new Variant("s", ready ? "notify" : "exec")],
    ["NotifyAccess", new Variant("s", ready ? "all" : "none")],
    execStart(spec.program, spec.args, options.version),
    ["WorkingDirectory", new Variant("s", spec.cwd)],
    [
      "Environment",
      new Variant(
        "as",
        Object.entries(visible).map(([name, value]) => `${name}=${value}`),
      ),
    ],
    ["Slice", new Variant("s", appSlice(spec.name))],
    ["SyslogIdentifier", new Variant("s", syslogIdentifier(spec.name))],
    ["Restart", new Variant("s", spec.autorestart ? "always" : "no")],
    ["RestartUSec", usec(delayMs)],
    ["RestartPreventExitStatus", new Variant("(aiai)", [spec.stopExitCodes, []])],
    // 143 is how shells and runtimes report a SIGTERM they obeyed; codes that mean "done" are no failures.
    ["SuccessExitStatus", new Variant("(aiai)", [clean, []])],
    // velosd gives up by max_restarts; a start limit would count operators' restarts and take the socket down.
    ["StartLimitIntervalUSec", usec(0)],
    ["TimeoutStartUSec", usec(ready ? spec.listenTimeoutMs : 90_000)],
    ["TimeoutStopUSec", usec(spec.killTimeoutMs)],
    ["KillMode", new Variant("s", "mixed")],
    ["KillSignal", new Variant("i", signalNumber(spec.killSignal))],
    ["CPUAccounting", new Variant("b", true)],
    ["MemoryAccounting", new Variant("b", true)],
    ["TasksAccounting", new Variant("b", true)],
    ["IOAccounting", new Variant("b", true)],
    ...limitProperties(spec),
  ];
  if (spec.listen.length > 0) {
    // Without it every start of an instance makes the sockets blocking, for all that share them: the flag belongs to the
    // socket. One that loses the race for a connection would then wait in accept(2) with all its other connections.
    properties.push(["NonBlocking", new Variant("b", true)]);
  }
  if (options.scope === "system") {
    // At a shutdown the order is turned round: what is still being answered gets out before the network goes.
    properties.push(["After", new Variant("as", ["network.target", "remote-fs.target", "nss-user-lookup.target"])]);
  }
  if (backoff && options.version >= SINCE.RestartSteps) {
    properties.push(
      ["RestartSteps", new Variant("u", Math.max(1, Math.ceil(Math.log2(MAX_BACKOFF_MS / delayMs))))],
      ["RestartMaxDelayUSec", usec(MAX_BACKOFF_MS)],
    );
  }
  // The manager reads them at each run; a later one wins, and one that may be missing is marked.
  const secretFile = options.secretFile === undefined ? [] : [[options.secretFile, false]];
  properties.push(["EnvironmentFiles", new Variant("a(sb)", [...secretFile, [options.variablesFile, true]])]);
  if (usesHealthSocket(spec)) {
    // Made by the manager for the instance's user, and removed with the instance.
    properties.push(
      ["RuntimeDirectory", new Variant("as", [healthDirectory(spec.name, index)])],
      ["RuntimeDirectoryMode", new Variant("u", 0o700)],
    );
  }
  if (spec.user !== undefined) properties.push(["User", new Variant("s", spec.user)]);
  if (spec.group !== undefined) properties.push(["Group", new Variant("s", spec.group)]);
  properties.push(...(options.confinement ?? []));
  return properties;
};

/** What is kept of a unit: the manager's own words, as they came. */
export interface UnitFacts {
  activeState: string;
  subState: string;
  job: number;
  invocation: string;
  activeEnterMs: number;
  activeExitMs: number;
  /** The same moments, and those of the main process, as time since boot: nobody can set that clock. */
  sinceBoot: { activeEnterMs: number; activeExitMs: number; startMs: number; exitMs: number };
  mainPid: number;
  restarts: number;
  startMs: number;
  exitMs: number;
  exitKind: number;
  exitStatus: number;
  result: string;
}

export const emptyFacts = (): UnitFacts => ({
  activeState: "inactive",
  subState: "dead",
  job: 0,
  invocation: "",
  activeEnterMs: 0,
  activeExitMs: 0,
  sinceBoot: { activeEnterMs: 0, activeExitMs: 0, startMs: 0, exitMs: 0 },
  mainPid: 0,
  restarts: 0,
  startMs: 0,
  exitMs: 0,
  exitKind: 0,
  exitStatus: 0,
  result: "success",
});

/** The manager tells times in microseconds. */
export const readMs = (value: unknown): number => Number(value) / 1000;
const hex = (value: unknown): string => Buffer.from(value as Uint8Array).toString("hex");

const READERS: Record<string, (facts: UnitFacts, value: unknown) => void> = {
  ActiveState: (facts, value) => (facts.activeState = value as string),
  SubState: (facts, value) => (facts.subState = value as string),
  Job: (facts, value) => (facts.job = (value as [number, string])[0]),
  InvocationID: (facts, value) => (facts.invocation = hex(value)),
  ActiveEnterTimestamp: (facts, value) => (facts.activeEnterMs = readMs(value)),
  ActiveExitTimestamp: (facts, value) => (facts.activeExitMs = readMs(value)),
  ActiveEnterTimestampMonotonic: (facts, value) => (facts.sinceBoot.activeEnterMs = readMs(value)),
  ActiveExitTimestampMonotonic: (facts, value) => (facts.sinceBoot.activeExitMs = readMs(value)),
  ExecMainStartTimestampMonotonic: (facts, value) => (facts.sinceBoot.startMs = readMs(value)),
  ExecMainExitTimestampMonotonic: (facts, value) => (facts.sinceBoot.exitMs = readMs(value)),
  MainPID: (facts, value) => (facts.mainPid = value as number),
  NRestarts: (facts, value) => (facts.restarts = value as number),
  ExecMainStartTimestamp: (facts, value) => (facts.startMs = readMs(value)),
  ExecMainExitTimestamp: (facts, value) => (facts.exitMs = readMs(value)),
  ExecMainCode: (facts, value) => (facts.exitKind = value as number),
  ExecMainStatus: (facts, value) => (facts.exitStatus = value as number),
  Result: (facts, value) => (facts.result = value as string),
};

/** Takes over what a PropertiesChanged signal or a GetAll answer says. */
export const readProperties = (facts: UnitFacts, properties: Record<string, Variant>): void => {
  for (const [name, reader] of Object.entries(READERS)) {
    const property = properties[name];
    if (property !== undefined) reader(facts, property.value);
  }
};

/** The environment in a GetAll answer of a service. */
export const readEnvironment = (properties: Record<string, Variant>): Record<string, string> =>
  Object.fromEntries(
    ((properties["Environment"]?.value as string[] | undefined) ?? []).map((pair) => {
      const equals = pair.indexOf("=");
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );

/** velos's word for a unit's state; undefined when the unit is as good as absent (inactive, nothing queued). */
export const foldStatus = (facts: UnitFacts): InstanceStatus | undefined => {
  switch (facts.activeState) {
    case "active":
    case "reloading":
    case "refreshing":
      return "online";
    case "activating":
      return facts.subState.startsWith("auto-restart") ? "waiting" : "starting";
    case "deactivating":
      return "stopping";
    case "failed":
      return facts.job !== 0 ? "starting" : "errored";
    default:
      return facts.job !== 0 ? "starting" : undefined;
  }
};

/**
 * How many automatic restarts led to the run that `invocation` names. The manager counts the next one when it queues its
 * job (service_enter_restart), a moment before that run has begun: who looks just then, as a velosd does that the end has
 * woken, would see the old run with the count of the next.
 */
export const foldRestarts = ({ subState, job, restarts }: UnitFacts): number =>
  job !== 0 && subState.startsWith("auto-restart") ? Math.max(0, restarts - 1) : restarts;

// Values of `si_code` for SIGCHLD (sigaction(2)): how the process ended.
const CLD_EXITED = 1;
const CLD_KILLED = 2;
const CLD_DUMPED = 3;

/** `SIGKILL` for 9. */
export const signalName = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;

/** The end of the last run, where the unit knows one. */
export const foldExit = (facts: UnitFacts): Exit | undefined => {
  if (facts.exitMs === 0) return undefined;
  const { startMs, exitMs } = facts.sinceBoot;
  return {
    at: facts.exitMs,
    ...(startMs > 0 && startMs <= exitMs && { ranMs: exitMs - startMs }),
    ...(facts.exitKind === CLD_EXITED && { code: facts.exitStatus }),
    ...((facts.exitKind === CLD_KILLED || facts.exitKind === CLD_DUMPED) && { signal: signalName(facts.exitStatus) }),
    ...(facts.result !== "success" && { result: facts.result }),
  };
};
