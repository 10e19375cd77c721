import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Variant } from "./bus.ts";
import { Manager } from "./manager.ts";
import { readEnvironment, readMs } from "./properties.ts";
import { Sockets } from "./sockets.ts";
import { Units } from "./units.ts";

/** How soon is looked again after a look that failed. */
const LOOK_AGAIN_MS = 500;

/** How often is looked whether the manager still goes down. */
const SHUTDOWN_LOOK_MS = 500;

/** A restart delay longer than this may be a quarter of a second longer. */
const LATENESS_MATTERS_MS = 5000;

/**
 * What is known of the manager's units, kept true: by its signals, by looking at everything where signals may have been
 * missed, and by making sure where what it said last may not be what it means.
 */
export class UnitWatch {
  readonly manager: Manager;
  readonly units = new Units();
  readonly sockets: Sockets;
  /** A life of the supervisor: of the machine, and of a user's manager, which may be started again. */
  epoch = "";
  #bootId = "";
  #onChange: (app: string) => void = () => {};
  #asking: Promise<void> | undefined;
  /** Everything that is known may be out of date, and is looked at anew. */
  #isStale = false;
  #lookingAgain: Promise<void> | undefined;
  #closed = false;
  /** Units that are being started: the manager may not know them yet. */
  readonly #starting = new Set<string>();
  /** Units that are unloaded, and it is not yet sure that it was not by a shutdown. */
  readonly #removed = new Set<string>();

  /**
   * @param busAddress D-Bus address of the scope's bus
   * @param unloaded told of each instance unit that the manager has let go
   */
  constructor(busAddress: string, unloaded: (unit: string) => void) {
    this.manager = new Manager(busAddress, {
      changed: (unit, properties) => this.#changed(unit, properties),
      removed: (unit) => {
        this.sockets.removed(unit);
        unloaded(unit);
        if (this.units.facts(unit) === undefined) return;
        this.#removed.add(unit);
        void this.makeSure();
      },
      stale: () => this.#stale(),
    });
    this.sockets = new Sockets(this.manager);
  }

  /** Connects, and looks at everything. @param onChange told of each app of which something changed since */
  async open(onChange: (app: string) => void): Promise<void> {
    this.#onChange = onChange;
    this.#bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    await this.manager.open();
    this.#setEpoch();
    // What this velosd was started for is a part of the boot for as long as velosd has not said that it is ready.
    if (this.manager.wasStarting) this.sockets.expectAddresses();
    await this.#look();
  }

  close(): void {
    this.#closed = true;
    this.manager.close();
  }

  /** A unit is known to be unloaded, or never was. */
  gone(unit: string): void {
    this.#announce(this.units.removed(unit));
  }

  /** Starts a unit; a look that does not find it meanwhile does not take it for gone. */
  async whileStarting<T>(unit: string, start: () => Promise<T>): Promise<T> {
    this.#starting.add(unit);
    try {
      return await start();
    } finally {
      this.#starting.delete(unit);
    }
  }

  /** Resolves when what is being made sure of is sure. */
  async sure(): Promise<void> {
    await this.#asking;
  }

  /**
   * Makes sure of the units that seem to have ended: before the manager restarts one, it says for a moment that it is
   * failed or inactive. What it says next is in its queue already, so it arrives before the answer to any call.
   */
  async makeSure(): Promise<void> {
    this.#asking ??= (async () => {
      for (;;) {
        const [doubts, removed] = [this.units.doubts(), [...this.#removed]];
        if (doubts.size === 0 && removed.length === 0) return;
        await this.outlastShutdown();
        for (const unit of removed) if (this.#removed.delete(unit)) this.gone(unit);
        for (const app of this.units.settle(doubts)) this.#announce(app);
      }
    })()
      // Without a connection nothing is known; after the next one everything is looked at.
      .catch(() => {})
      .finally(() => (this.#asking = undefined));
    await this.#asking;
  }

  /**
   * Resolves when the manager is not going down, after everything that it had said before. What ends with the machine,
   * or with a user's manager, was stopped by nobody and is to run again at the next boot, so velosd must not see it end.
   */
  async outlastShutdown(): Promise<void> {
    for (let isEnding = await this.manager.isEnding(); isEnding;) {
      await delay(SHUTDOWN_LOOK_MS, undefined, { ref: false });
      // Its bus goes down as well.
      isEnding = await this.manager.isEnding().catch(() => true);
    }
  }

  /**
   * Has the manager restart an instance when its delay is over. By itself it is up to 250 ms late, since it puts its
   * timers off to have them together; but it looks at them whenever it is awake, and any call wakes it. Seen on 252:
   * a delay of 10 ms took 29 to 258 ms, and 12 with this.
   */
  async #restartInTime(unit: string): Promise<void> {
    try {
      // From 254 on a delay may grow with each restart.
      const property = this.manager.version >= 254 ? "RestartUSecNext" : "RestartUSec";
      const waitMs = readMs(await this.manager.unitProperty(unit, property, "Service"));
      if (waitMs > LATENESS_MATTERS_MS) return;
      await delay(waitMs + 1, undefined, { ref: false });
      if (this.units.isWaiting(unit)) await this.manager.sync();
    } catch {
      // The manager does it all the same, a little later.
    }
  }

  /** Looks at every instance unit anew: at the beginning, and when signals may have been missed. */
  async #look(): Promise<void> {
    this.#removed.clear();
    // What is being started meanwhile is in neither list.
    const known = this.units.loaded();
    const [listed] = await Promise.all([this.manager.listInstanceUnits(), this.sockets.look()]);
    const units = new Set(listed);
    for (const unit of known) if (!units.has(unit) && !this.#starting.has(unit)) this.gone(unit);
    await Promise.all(
      [...units].map(async (unit) => {
        let said: number;
        let properties: Record<string, Variant>;
        do {
          said = this.units.said(unit);
          properties = await this.manager.unitProperties(unit);
          // A signal that came meanwhile may be newer than the answer.
        } while (said !== this.units.said(unit));
        this.units.changed(unit, properties);
        this.units.settle(this.units.doubts(unit));
        const print = readEnvironment(properties)["VELOS_SPEC"];
        if (print !== undefined) this.units.setFingerprint(unit, print);
      }),
    );
  }

  /** Looks again, and once more for what comes meanwhile; a look that fails is repeated, since nobody else asks for it. */
  #stale(): void {
    this.#isStale = true;
    this.#lookingAgain ??= (async () => {
      while (this.#isStale && !this.#closed) {
        this.#isStale = false;
        try {
          await this.#lookAgain();
        } catch {
          this.#isStale = true;
          await delay(LOOK_AGAIN_MS, undefined, { ref: false });
        }
      }
    })().finally(() => (this.#lookingAgain = undefined));
  }

  async #lookAgain(): Promise<void> {
    await this.outlastShutdown();
    this.#setEpoch();
    await this.#look();
    for (const app of this.units.apps()) this.#onChange(app);
  }

  /** A life of the supervisor: of the machine, and of a user's manager, which may be started again. */
  #setEpoch(): void {
    this.epoch = `${this.#bootId}:${this.manager.startedUsec}`;
  }

  #announce(app: string | undefined): void {
    if (app !== undefined) this.#onChange(app);
  }

  #changed(unit: string, properties: Record<string, Variant>): void {
    const waited = this.units.isWaiting(unit);
    const app = this.units.changed(unit, properties);
    if (!waited && this.units.isWaiting(unit)) void this.#restartInTime(unit);
    if (this.units.isInDoubt(unit)) void this.makeSure();
    else this.#announce(app);
  }
}
