import { join, posix } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import type { ListenAddress } from "../../domain/listen.ts";
import { formatListen, overlap, parseListen } from "../../domain/listen.ts";
import { Variant } from "./bus.ts";
import { writeOrRemove } from "./drop-in.ts";
import type { Manager } from "./manager.ts";
import { isNoSuchUnit, isUnitExists } from "./manager.ts";
import { appSocket, parseSocketUnit, socketAnchor, socketPattern } from "./names.ts";
import type { Property } from "./properties.ts";

/** The drop-in that gives instances their sockets: `Sockets=` cannot be set on a transient service. */
const socketDropIn = (directory: string): string => join(directory, "50-velos.conf");

/**
 * An address in the one spelling in which those that were asked for and those that the manager reads back are compared. A
 * port alone is read back as `[::]:3000`, or `0.0.0.0:3000` where there is no IPv6; and an address of IPv6 has many.
 */
const spelled = (address: string): string => {
  if (address.startsWith("/")) return posix.normalize(address);
  const [, host, port] = /^\[(.+)\]:(\d+)$/.exec(address) ?? [];
  const short = host === undefined ? address : `${new URL(`http://[${host}]`).hostname}:${port}`;
  return short.replace(/^(?:\[::\]|0\.0\.0\.0):(\d+)$/, "$1");
};

/** What is to be held, to see whether a socket unit holds just that. */
const wanted = (listen: readonly ListenAddress[]): string =>
  listen.map((address) => spelled(formatListen(address))).join(" ");

/** How long addresses of the machine may be late after velosd has found it booting. */
const BOOT_MS = 60_000;

/**
 * The listening sockets of apps: one transient socket unit each, which holds them for as long as the app is started,
 * so that no connection is refused while instances come and go.
 */
export class Sockets {
  readonly #manager: Manager;
  readonly #held = new Map<string, string>();
  /** Of each look under way: the apps of which something newer is known than what it was told. */
  readonly #newer = new Set<Set<string>>();
  /** Until when a socket is opened also for an address that the machine does not have yet. */
  #expectUntil = 0;

  constructor(manager: Manager) {
    this.#manager = manager;
  }

  /** Apps whose sockets are held. */
  apps(): string[] {
    return [...this.#held.keys()];
  }

  /**
   * To be called when the machine boots: an interface may get its address later than velosd is there, and an app that
   * listens on it is to come back all the same. At other times such an address is a mistake, which is told.
   */
  expectAddresses(): void {
    this.#expectUntil = performance.now() + BOOT_MS;
  }

  /** Finds what is held. Until that is known, what was known before stays true: sockets are looked up meanwhile. */
  async look(): Promise<void> {
    const newer = new Set<string>();
    this.#newer.add(newer);
    try {
      const found = new Map<string, string>();
      await Promise.all(
        (await this.#manager.listUnits(socketPattern)).map(async ({ name, activeState }) => {
          const app = parseSocketUnit(name);
          if (app !== undefined && activeState === "active") found.set(app, await this.#addresses(app));
        }),
      );
      for (const app of this.#held.keys()) if (!found.has(app) && !newer.has(app)) this.#held.delete(app);
      for (const [app, addresses] of found) if (!newer.has(app)) this.#held.set(app, addresses);
    } finally {
      this.#newer.delete(newer);
    }
  }

  /** What the app's socket unit listens on, as the manager says it. */
  async #addresses(app: string): Promise<string> {
    const listen = await this.#manager.unitProperty(appSocket(app), "Listen", "Socket");
    return (listen as [string, string][]).map(([, address]) => spelled(address)).join(" ");
  }

  #know(app: string, addresses: string | undefined): void {
    for (const newer of this.#newer) newer.add(app);
    if (addresses === undefined) this.#held.delete(app);
    else this.#held.set(app, addresses);
  }

  /** To be told of each unit that is unloaded: an operator may have stopped the sockets. */
  removed(unit: string): void {
    const app = parseSocketUnit(unit);
    if (app !== undefined) this.#know(app, undefined);
  }

  /** True when the app's sockets are held, and are just these. */
  holds(app: string, listen: readonly ListenAddress[]): boolean {
    return this.#held.get(app) === wanted(listen);
  }

  /** The app whose sockets are in the way of an address. */
  holder(address: ListenAddress): string | undefined {
    return [...this.#held].find(([, addresses]) =>
      addresses.split(" ").some((held) => overlap(parseListen(held), address)),
    )?.[0];
  }

  /**
   * Opens the app's sockets unless they are held already; with none, closes what is held. The drop-in is written first:
   * an instance must find it when its unit is loaded.
   * @returns false when an address could not be had
   */
  async open(spec: AppSpec, dropIns: string): Promise<boolean> {
    const { name, listen } = spec;
    if (listen.length === 0) {
      if (this.#held.has(name)) await this.close(name);
      await writeOrRemove(socketDropIn(dropIns), "", 0o644);
      return true;
    }
    await writeOrRemove(
      socketDropIn(dropIns),
      `# Written by velos: the instances share these sockets\n[Service]\nSockets=${appSocket(name)}\n`,
      0o644,
    );
    if (this.holds(name, listen)) return true;
    if (this.#held.has(name)) await this.close(name);
    const result = await this.#start(name, listen);
    if (result === "done") {
      this.#know(name, wanted(listen));
      return true;
    }
    await this.close(name);
    return false;
  }

  /** Closes the app's sockets. Repeatable. */
  async close(app: string): Promise<void> {
    this.#know(app, undefined);
    for (const unit of [appSocket(app), socketAnchor(app)]) {
      try {
        await this.#manager.stop(unit);
        await this.#manager.resetFailed(unit);
      } catch (error) {
        if (!isNoSuchUnit(error)) throw error;
      }
    }
  }

  async #isActive(app: string): Promise<boolean> {
    return (await this.#manager.unitProperty(appSocket(app), "ActiveState")) === "active";
  }

  async #start(app: string, listen: readonly ListenAddress[]): Promise<string> {
    const properties = socketProperties(app, listen);
    if (performance.now() < this.#expectUntil) properties.push(["FreeBind", new Variant("b", true)]);
    const start = (): Promise<string> =>
      this.#manager.startTransient(appSocket(app), properties, [[socketAnchor(app), anchorProperties(app)]]);
    try {
      return await start();
    } catch (error) {
      if (!isUnitExists(error)) throw error;
      // It is there and nobody knew: instances have it, and closed it could not be opened again beside theirs.
      if ((await this.#isActive(app)) && (await this.#addresses(app)) === wanted(listen)) return "done";
      // Left over by one that failed, or that an operator stopped.
      await this.close(app);
      return start();
    }
  }
}

/** Everything that the manager is told about an app's sockets. */
export const socketProperties = (app: string, listen: readonly ListenAddress[]): Property[] => {
  const mode = listen.find((address) => "path" in address && address.mode !== undefined);
  return [
    ["Description", new Variant("s", `velos: listening sockets of ${app}`)],
    [
      "Listen",
      new Variant(
        "a(ss)",
        listen.map((address) => ["Stream", formatListen(address)]),
      ),
    ],
    ["FileDescriptorName", new Variant("s", app)],
    // As many as the kernel allows (net.core.somaxconn): what queues while an instance is replaced must not be refused.
    ["Backlog", new Variant("u", 4096)],
    ["RemoveOnStop", new Variant("b", true)],
    // A connection that comes while no instance runs would start the anchor again and again, until the socket fails.
    ["TriggerLimitIntervalUSec", new Variant("t", 0n)],
    ...(mode && "path" in mode && mode.mode !== undefined
      ? [["SocketMode", new Variant("u", mode.mode)] as Property]
      : []),
  ];
};

const anchorProperties = (app: string): Property[] => [
  ["Description", new Variant("s", `velos: anchor of ${appSocket(app)}, does nothing`)],
  ["Type", new Variant("s", "oneshot")],
  ["ExecStart", new Variant("a(sasb)", [["/bin/true", ["/bin/true"], false]])],
  ["RemainAfterExit", new Variant("b", true)],
  // It is given the sockets too; see instanceProperties.
  ["NonBlocking", new Variant("b", true)],
];
