import { setTimeout as delay } from "node:timers/promises";
import { VelosError } from "../../domain/errors.ts";
import type { Variant } from "./bus.ts";
import { Bus, BusError, newBusCounters, NO_ANSWER } from "./bus.ts";
import type { JobResult } from "./jobs.ts";
import { Jobs } from "./jobs.ts";
import { instancePattern, instancePathPrefix, unitFromPath, unitPath } from "./names.ts";
import type { Property } from "./properties.ts";

const DESTINATION = "org.freedesktop.systemd1";
const PATH = "/org/freedesktop/systemd1";
const MANAGER = "org.freedesktop.systemd1.Manager";
const PROPERTIES = "org.freedesktop.DBus.Properties";

/**
 * What a call fails with that has not reached the manager, or whose answer has not reached us: the connection is down, or
 * the manager is off the bus for a moment (systemctl daemon-reexec, as each upgrade of systemd does it). NoReply was seen
 * for what was under way; the others are what a bus says while nobody has the name.
 */
const UNREACHABLE =
  /^(?:velos\.Disconnected|org\.freedesktop\.DBus\.Error\.(?:NoReply|Disconnected|ServiceUnknown|NameHasNoOwner|Spawn\..*))$/;

/** How long the manager may be off the bus when it is wanted first, and how often is asked meanwhile. */
const OPEN_MS = 2000;
const OPEN_AGAIN_MS = 20;

/** What the manager tells by itself. */
export interface ManagerEvents {
  /** Properties of an instance unit changed. */
  changed(unit: string, properties: Record<string, Variant>): void;
  /** An instance unit is no longer loaded. */
  removed(unit: string): void;
  /** Everything known may be out of date: the connection was lost and is back, or the manager was reloaded. */
  stale(): void;
}

/** The interfaces that units have, as org.freedesktop.systemd1(5) names them. */
export type UnitKind = "Unit" | "Service" | "Socket";

/** An auxiliary unit created in the same transaction. */
export type AuxiliaryUnit = [name: string, properties: Property[]];

/**
 * The service manager of a scope, over D-Bus: calls, jobs, and signals. Reconnects by itself; calls made while the
 * connection is down fail at once with BACKEND_FAILED.
 */
export class Manager {
  readonly jobs = new Jobs();
  /** Major version of systemd, such as 252. */
  version = 0;
  /** Start of the manager, as it says it: part of the backend's epoch. */
  startedUsec = 0n;
  /** Whether the manager was booting when this connected: not all that it is to start had been started. */
  wasStarting = false;
  reconnects = 0;
  readonly counters = newBusCounters();

  #address: string;
  #events: ManagerEvents;
  #bus: Bus | undefined;
  #closed = false;
  #reloading = false;

  constructor(address: string, events: ManagerEvents) {
    this.#address = address;
    this.#events = events;
  }

  /** Connects; a manager that is off the bus only for a moment, as it is while it reads its files again, is waited for. */
  async open(): Promise<void> {
    for (const deadline = performance.now() + OPEN_MS; ;) {
      try {
        return await this.#open();
      } catch (error) {
        const isAway = error instanceof BusError && UNREACHABLE.test(error.errorName);
        if (!isAway || this.#closed || performance.now() > deadline) throw error;
        await delay(OPEN_AGAIN_MS);
      }
    }
  }

  async #open(): Promise<void> {
    const bus = await Bus.connect(this.#address, DESTINATION, this.counters);
    try {
      await this.#take(bus);
    } catch (error) {
      // Left open, it would tell everything a second time once another is there.
      bus.onLost = undefined;
      bus.onSignal = undefined;
      bus.close();
      throw error;
    }
  }

  async #take(bus: Bus): Promise<void> {
    // One that is lost before it is taken makes its calls fail, and with them `open`: who called it tries again.
    bus.onLost = () => {
      if (bus === this.#bus) void this.#reconnect();
    };
    bus.onSignal = (signal) => {
      if (signal.interface === PROPERTIES) {
        if (!signal.path.startsWith(instancePathPrefix)) return;
        const unit = unitFromPath(signal.path);
        if (unit !== undefined) this.#events.changed(unit, signal.body[1] as Record<string, Variant>);
        return;
      }
      if (signal.member === "NameOwnerChanged" && signal.body[0] === DESTINATION)
        void this.#replaced(bus, signal.body[2] as string);
      if (signal.interface !== MANAGER) return;
      // UnitNew is ignored: asking for the properties of a unit that is being unloaded creates it again, and loops.
      if (signal.member === "JobRemoved") this.jobs.removed(signal.body[1] as string, signal.body[3] as string);
      else if (signal.member === "Reloading") {
        this.#reloading = signal.body[0] as boolean;
        if (!this.#reloading) this.#events.stale();
      }
      // A reload (systemctl daemon-reload) unloads every unit and loads it again: nothing of that is news.
      else if (signal.member === "UnitRemoved" && !this.#reloading) this.#events.removed(signal.body[0] as string);
    };
    // Listening before acting: no change between the first look and the first signal can be missed.
    const [, version, started, state] = await Promise.all([
      bus.follow(),
      managerProperty(bus, "Version"),
      managerProperty(bus, "UserspaceTimestamp"),
      managerProperty(bus, "SystemState"),
      bus.addMatch(`type='signal',sender='${DESTINATION}',interface='${MANAGER}',path='${PATH}'`),
      bus.addMatch(
        `type='signal',sender='${DESTINATION}',interface='${PROPERTIES}',member='PropertiesChanged',path_namespace='${PATH}/unit'`,
      ),
      bus.call(PATH, MANAGER, "Subscribe"),
    ]);
    if (this.#closed || !bus.isOpen) throw new Error("the connection was closed while it was made");
    this.version = Number.parseInt(version as string, 10);
    this.startedUsec = started as bigint;
    this.wasStarting = ["initializing", "starting"].includes(state as string);
    this.#reloading = false;
    this.#bus = bus;
  }

  close(): void {
    this.#closed = true;
    this.#bus?.close();
    this.jobs.lose();
  }

  /** Instance units that are loaded. */
  async listInstanceUnits(): Promise<string[]> {
    return (await this.listUnits(instancePattern)).map(({ name }) => name);
  }

  /** Loaded units whose name matches a pattern. */
  async listUnits(pattern: string): Promise<{ name: string; activeState: string }[]> {
    const [units] = await this.#call("ListUnitsByPatterns", "asas", [[], [pattern]]);
    return (units as string[][]).map(([name, , , activeState]) => ({ name: name!, activeState: activeState! }));
  }

  /** All properties of a unit, those of its kind (service, timer) included. */
  async unitProperties(unit: string): Promise<Record<string, Variant>> {
    const [all] = await this.#raw(unitPath(unit), PROPERTIES, "GetAll", "s", [""]);
    return all as Record<string, Variant>;
  }

  /**
   * One of them, which takes a tenth of the time.
   * @param kind whose property it is: of all units, or of those of one kind
   */
  async unitProperty(unit: string, property: string, kind: UnitKind = "Unit"): Promise<unknown> {
    const [value] = await this.#raw(unitPath(unit), PROPERTIES, "Get", "ss", [`${DESTINATION}.${kind}`, property]);
    return (value as Variant).value;
  }

  /** Creates and starts a transient unit; answers with the result of its start job. */
  async startTransient(unit: string, properties: Property[], auxiliary: AuxiliaryUnit[] = []): Promise<JobResult> {
    return this.#job("StartTransientUnit", "ssa(sv)a(sa(sv))", [unit, "fail", properties, auxiliary]);
  }

  async stop(unit: string): Promise<JobResult> {
    return this.#job("StopUnit", "ss", [unit, "replace"]);
  }

  /** Whether a unit's file is `enabled`. @throws BusError where there is none */
  async unitFileState(unit: string): Promise<string> {
    const [state] = await this.#call("GetUnitFileState", "s", [unit]);
    return state as string;
  }

  /** Asks for a start and does not wait for it. */
  async queueStart(unit: string): Promise<void> {
    await this.#call("StartUnit", "ss", [unit, "replace"]);
  }

  async restart(unit: string): Promise<JobResult> {
    return this.#job("RestartUnit", "ss", [unit, "replace"]);
  }

  async resetFailed(unit: string): Promise<void> {
    await this.#call("ResetFailedUnit", "s", [unit]);
  }

  /** @param whom `main` or `all` */
  async kill(unit: string, whom: string, signal: number): Promise<void> {
    await this.#call("KillUnit", "ssi", [unit, whom, signal]);
  }

  /** Changes properties of a loaded unit until it is unloaded. */
  async setProperties(unit: string, properties: Property[]): Promise<void> {
    await this.#call("SetUnitProperties", "sba(sv)", [unit, true, properties]);
  }

  /** Resolves when everything has arrived that the manager had said before it was asked. */
  async sync(): Promise<void> {
    await this.#raw(PATH, "org.freedesktop.DBus.Peer", "Ping", "", []);
  }

  /** True while the manager goes down, and the machine with it or the user's session. As `sync`, it brings all it said. */
  async isEnding(): Promise<boolean> {
    return (await this.#managerProperty("SystemState")) === "stopping";
  }

  /** Makes the manager read its files again, as `systemctl daemon-reload` does. */
  async reload(): Promise<void> {
    await this.#call("Reload", "", []);
  }

  async #job(member: string, signature: string, body: unknown[]): Promise<JobResult> {
    const [path] = await this.#call(member, signature, body);
    return this.jobs.result(path as string);
  }

  async #managerProperty(name: string): Promise<unknown> {
    const [value] = await this.#raw(PATH, PROPERTIES, "Get", "ss", [MANAGER, name]);
    return (value as Variant).value;
  }

  async #call(member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    return this.#raw(PATH, MANAGER, member, signature, body);
  }

  async #raw(path: string, iface: string, member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    if (!this.#bus) throw disconnected("not connected");
    try {
      return await this.#bus.call(path, iface, member, signature, body);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      if (UNREACHABLE.test(error.errorName)) throw disconnected(error.message);
      throw error.errorName === NO_ANSWER ? unanswered(error.message) : error;
    }
  }

  /**
   * The manager is new on the bus (systemctl daemon-reexec, or a user's manager that was started again): what it told
   * nobody meanwhile has to be asked for.
   */
  async #replaced(bus: Bus, owner: string): Promise<void> {
    if (owner === "" || bus !== this.#bus) return;
    this.jobs.lose();
    this.#reloading = false;
    try {
      await bus.call(PATH, MANAGER, "Subscribe");
    } catch (error) {
      // It subscribed us already, from what it wrote down before; a lost connection is treated where it is noticed.
      if (!(error instanceof BusError)) throw error;
    }
    // Of one that is lost again the next tells.
    await managerProperty(bus, "UserspaceTimestamp").then(
      (started) => (this.startedUsec = started as bigint),
      () => {},
    );
    this.#events.stale();
  }

  async #reconnect(): Promise<void> {
    this.#bus = undefined;
    this.jobs.lose();
    for (let waitMs = 50; !this.#closed; waitMs = Math.min(waitMs * 2, 2000)) {
      try {
        await this.#open();
      } catch {
        await delay(waitMs, undefined, { ref: false });
        continue;
      }
      this.reconnects++;
      this.#events.stale();
      return;
    }
  }
}

const managerProperty = async (bus: Bus, name: string): Promise<unknown> => {
  const [value] = await bus.call(PATH, PROPERTIES, "Get", "ss", [MANAGER, name]);
  return (value as Variant).value;
};

/** What a call fails with that the bus cannot carry, or whose answer was lost with it. */
export const disconnected = (why: string): VelosError =>
  new VelosError("BACKEND_FAILED", {
    backend: "systemd",
    why: `the connection to the bus is down (${why})`,
    unreachable: true,
    hint: "velosd connects again by itself; repeat the command",
  });

/** What a call fails with that the manager has, and does not answer. */
const unanswered = (why: string): VelosError =>
  new VelosError("BACKEND_FAILED", {
    backend: "systemd",
    why,
    unreachable: true,
    hint: "what runs goes on; `systemctl list-jobs` tells whether systemd answers anybody, and its journal why not",
  });

/** True for the error that a unit is not loaded. */
export const isNoSuchUnit = (error: unknown): boolean =>
  error instanceof BusError && error.errorName === "org.freedesktop.systemd1.NoSuchUnit";

/** True for the error that a unit of that name is loaded already. */
export const isUnitExists = (error: unknown): boolean =>
  error instanceof BusError && error.errorName === "org.freedesktop.systemd1.UnitExists";
