// The only file that imports the D-Bus library. What is used of it is its raw message layer: proxies cost 20 ms of
// introspection each, and the match-rule bookkeeping of the high-level client leaks.
import type { EventEmitter } from "node:events";
import type { MessageBus } from "dbus-next";
import { Message, MessageType, sessionBus, Variant } from "dbus-next";
import type { Histogram } from "../../domain/histogram.ts";
import { latencyBounds, newHistogram, observe } from "../../domain/histogram.ts";

export { Variant };

/** A failed call: `name` is the D-Bus error name, such as `org.freedesktop.systemd1.UnitExists`. */
export class BusError extends Error {
  readonly errorName: string;
  constructor(errorName: string, message: string) {
    super(message);
    this.name = "BusError";
    this.errorName = errorName;
  }
}

/** The error name of a call that nobody has answered in time. */
export const NO_ANSWER = "velos.NoAnswer";

export interface BusSignal {
  path: string;
  interface: string;
  member: string;
  body: unknown[];
}

/** What was done over the bus so far, for the metrics; the bounds of the latencies are `latencyBounds`. */
export interface BusCounters {
  calls: number;
  errors: number;
  latency: Histogram;
}

export const newBusCounters = (): BusCounters => ({ calls: 0, errors: 0, latency: newHistogram(latencyBounds) });

/**
 * The bus daemon refuses more than 128 replies pending on one connection; the rest waits here, in order. Half of it
 * leaves room and is no slower: the manager works through its queue one message at a time.
 */
const MAX_IN_FLIGHT = 64;

/** The bus itself, as a peer. */
const DAEMON = "org.freedesktop.DBus";

/** How long the bus may take to let us in: a hung one is never heard of again, and velosd is to try anew. */
const CONNECT_MS = 5000;

/**
 * How long an answer may take. A manager answers within milliseconds, and within seconds while it reads a thousand unit
 * files; one that has crashed stays on the bus and never answers again ("Freezing execution", as systemd(1) as PID 1 does).
 */
const ANSWER_MS = 60_000;

/** What of the library's inner connection is used: it alone is told that the stream has ended, and has the stream. */
interface InnerConnection {
  on(event: "end", listener: () => void): void;
  stream?: { destroy(): void };
}

const innerConnection = (bus: MessageBus): InnerConnection =>
  (bus as unknown as { _connection: InnerConnection })._connection;

/** A connection to one bus, for calls and signals of one peer. */
export class Bus {
  readonly counters: BusCounters;
  /** Called once when the connection is lost, not when it was closed by `close()`. */
  onLost: ((why: string) => void) | undefined;
  onSignal: ((signal: BusSignal) => void) | undefined;

  #bus: MessageBus;
  #destination: string;
  /** The unique name behind `destination`, such as `:1.5`; empty while nobody has it. */
  #owner = "";
  #state: "open" | "closed" = "open";
  #inFlight = 0;
  #waiting: (() => void)[] = [];
  #pending = new Set<(error: Error) => void>();

  private constructor(bus: MessageBus, destination: string, counters: BusCounters) {
    this.#bus = bus;
    this.#destination = destination;
    this.counters = counters;
  }

  /**
   * @param address D-Bus address, such as `unix:path=/run/dbus/system_bus_socket`
   * @param destination the peer all calls go to
   * @param counters to count on in, over connections
   * @throws Error when the bus is not there, closes the connection, or has not let us in after 5 seconds
   */
  static async connect(address: string, destination: string, counters = newBusCounters()): Promise<Bus> {
    const raw = sessionBus({ busAddress: address });
    const bus = new Bus(raw, destination, counters);
    // Its type does not know that it emits errors, but it does; one that nobody listens to would end velosd.
    const emitter: EventEmitter = raw;
    emitter.on("error", (error: Error) => bus.#lose(error.message));
    innerConnection(raw).on("end", () => bus.#lose("the bus closed the connection"));
    raw.on("message", (message: Message) => {
      if (message.type !== MessageType.SIGNAL || !bus.isOpen) return;
      if (!bus.#isTrusted(message)) return;
      bus.onSignal?.({ path: message.path, interface: message.interface, member: message.member, body: message.body });
    });
    const timer = setTimeout(() => bus.#lose(`the bus has not answered within ${CONNECT_MS / 1000} s`), CONNECT_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        raw.once("connect", () => resolve());
        bus.onLost = (why) => reject(new Error(why));
      });
    } finally {
      clearTimeout(timer);
      bus.onLost = undefined;
    }
    return bus;
  }

  /** False once it was lost or closed. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /**
   * Calls a method and returns the reply's body.
   * @throws BusError with the peer's error name, `velos.Disconnected` when the connection is lost meanwhile, or
   *   `velos.NoAnswer` when none comes within a minute
   */
  async call(path: string, iface: string, member: string, signature = "", body: unknown[] = []): Promise<unknown[]> {
    return this.#send(this.#destination, path, iface, member, signature, body);
  }

  /** Asks the bus daemon itself. */
  async callBus(member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    return this.#send(DAEMON, "/org/freedesktop/DBus", DAEMON, member, signature, body);
  }

  /** To be called, and not waited for, before anything makes the peer send signals: they are heard from its owner alone. */
  async follow(): Promise<void> {
    const [, [owner]] = await Promise.all([
      this.addMatch(`type='signal',sender='${DAEMON}',member='NameOwnerChanged',arg0='${this.#destination}'`),
      this.callBus("GetNameOwner", "s", [this.#destination]),
    ]);
    this.#owner = owner as string;
  }

  /**
   * True for a signal of the peer's own, or of the bus daemon, which nobody can send in its name. Any other came from
   * somebody who sent it to us by our unique name, as the system bus lets every user: match rules do not hold for those.
   */
  #isTrusted({ sender, member, body }: Message): boolean {
    if (sender === DAEMON) {
      if (member === "NameOwnerChanged" && body[0] === this.#destination) this.#owner = body[2] as string;
      return true;
    }
    return this.#owner !== "" && sender === this.#owner;
  }

  async addMatch(rule: string): Promise<void> {
    await this.callBus("AddMatch", "s", [rule]);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#bus.disconnect();
    this.#rejectAll("the connection was closed");
  }

  async #send(
    destination: string,
    path: string,
    iface: string,
    member: string,
    signature: string,
    body: unknown[],
  ): Promise<unknown[]> {
    if (this.#inFlight >= MAX_IN_FLIGHT) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#state === "closed") throw new BusError("velos.Disconnected", "the connection to the bus is closed");
    this.#inFlight++;
    const began = process.hrtime.bigint();
    let fail!: (error: Error) => void;
    const lost = new Promise<never>((_, reject) => (fail = reject));
    this.#pending.add(fail);
    const patience = setTimeout(
      () => fail(new BusError(NO_ANSWER, `${destination} has not answered ${member} within ${ANSWER_MS / 1000} s`)),
      ANSWER_MS,
    ).unref();
    try {
      const message = new Message({ destination, path, interface: iface, member, signature, body });
      const reply = await Promise.race([this.#bus.call(message), lost]);
      return reply?.body ?? [];
    } catch (error) {
      this.counters.errors++;
      throw toBusError(error);
    } finally {
      clearTimeout(patience);
      this.#pending.delete(fail);
      this.counters.calls++;
      observe(this.counters.latency, latencyBounds, Number(process.hrtime.bigint() - began) / 1e9);
      this.#inFlight--;
      this.#waiting.shift()?.();
    }
  }

  #lose(why: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    // An error need not be the end of the stream, and one that hangs would not end if it were asked to.
    innerConnection(this.#bus).stream?.destroy();
    this.#rejectAll(why);
    this.onLost?.(why);
  }

  #rejectAll(why: string): void {
    for (const reject of this.#pending) reject(new BusError("velos.Disconnected", why));
    this.#pending.clear();
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

const toBusError = (error: unknown): BusError => {
  if (error instanceof BusError) return error;
  const named = error as { type?: string; name?: string; message?: string };
  return new BusError(named.type ?? named.name ?? "unknown", named.message ?? String(error));
};
