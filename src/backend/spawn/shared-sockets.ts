import type { AppSpec } from "../../domain/app.ts";
import { VelosError } from "../../domain/errors.ts";
import type { ListenAddress } from "../../domain/listen.ts";
import { formatListen } from "../../domain/listen.ts";
import { portOwner } from "../port-owner.ts";
import type { AdoptedProcesses } from "./adopted.ts";
import type { MainProcess, ProcessEnd } from "./execute.ts";
import { failed, prevented } from "./failed.ts";
import { findRun } from "./find-run.ts";
import type { LinkEvents } from "./keeper-link.ts";
import { KeeperLink, LinkLost, Refused } from "./keeper-link.ts";
import type { KeptRun } from "./keeper/protocol.ts";
import { launchFailed } from "./launch.ts";
import type { LaunchOrder } from "./order.ts";
import { startTimeOf } from "./process-table.ts";

export interface SharedSocketsOptions {
  stateDir: string;
  /** dist/keeper.cjs */
  keeper: string;
  adopted: AdoptedProcesses;
  /** Aborted when velosd leaves; its reason is what is under way fails with. */
  leaving: AbortSignal;
  /** One line for velosd's log. */
  report: (problem: string) => void;
}

/** A process of the keeper's, as long as its end has not been told. */
interface Watched {
  end: (how: ProcessEnd) => void;
  kept: KeptRun;
}

const written = (listen: readonly ListenAddress[]): string => JSON.stringify(listen);

/**
 * The listening sockets of apps, and the processes that share them, as velosd sees them. Both belong to a keeper: one
 * process for all apps, there while any of them has sockets, which outlives velosd; see keeper/keeper.ts.
 *
 * When the keeper itself is killed nothing that runs is harmed: instances have their descriptors, and are watched as
 * adopted ones are. But no other can get them any more, so the next instance needs a new keeper, and new sockets, which
 * can be had once the instances from before are gone.
 */
export class SharedSockets {
  readonly #options: SharedSocketsOptions;
  #link: KeeperLink | undefined;
  /** What is held, by app. */
  readonly #held = new Map<string, string>();
  /** Apps whose sockets are being opened, or will be in their turn, with the last to do so. */
  readonly #opening = new Map<string, Promise<void>>();
  /** Apps whose keeper was ended while they had instances. */
  readonly #orphaned = new Set<string>();
  readonly #watched = new Map<string, Watched>();
  /** Runs that the keeper spoke of and nobody has asked for yet. */
  readonly #found = new Map<string, KeptRun>();
  /** One thing after the other: of two apps that start together one starts the keeper. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SharedSocketsOptions) {
    this.#options = options;
  }

  /** Apps whose sockets are held. */
  apps(): string[] {
    return [...this.#held.keys()];
  }

  /** Takes over the keeper of an earlier velosd, if there is one. */
  async open(): Promise<void> {
    const found = await KeeperLink.find(this.#options.stateDir, this.#events());
    if (found === undefined) return;
    this.#link = found.link;
    for (const { app, listen } of found.holdings.apps) this.#held.set(app, written(listen));
    for (const run of found.holdings.runs) this.#found.set(run.run, run);
  }

  /**
   * To be called once every instance was recovered: what the keeper remembers and nobody asked for is forgotten, and
   * instances that have sockets which nobody holds are reported.
   */
  async settle(listening: readonly string[]): Promise<void> {
    for (const app of listening) if (!this.#held.has(app)) this.#orphan(app);
    const runs = [...this.#found.values()].flatMap(({ run, end }) => (end ? [run] : []));
    this.#found.clear();
    this.#forget(runs);
    await this.#exclusively(() => this.#quitIfIdle());
  }

  /** Leaves everything to the next velosd. */
  leave(): void {
    this.#link?.close();
  }

  /**
   * Opens the app's sockets unless they are held already; closes those it has no more.
   * @throws VelosError PORT_IN_USE, BACKEND_FAILED
   */
  async ensure(spec: AppSpec): Promise<void> {
    const { name, listen } = spec;
    if (listen.length === 0) return this.close(name);
    if (this.#held.get(name) === written(listen)) return;
    const opened = this.#exclusively(() => this.#open(spec));
    this.#opening.set(name, opened);
    try {
      await opened;
    } finally {
      if (this.#opening.get(name) === opened) this.#opening.delete(name);
    }
  }

  async #open(spec: AppSpec): Promise<void> {
    const { name, listen } = spec;
    if (this.#held.get(name) === written(listen)) return;
    const { leaving, stateDir, keeper } = this.#options;
    leaving.throwIfAborted();
    this.#link ??= (await KeeperLink.start(stateDir, keeper, this.#events())).link;
    this.#held.delete(name);
    try {
      await this.#link.ask("listen", { app: name, listen });
    } catch (error) {
      leaving.throwIfAborted();
      await this.#quitIfIdle();
      throw await this.#explain(spec, error);
    }
    this.#held.set(name, written(listen));
    this.#orphaned.delete(name);
  }

  /** Closes the app's sockets, those too that are only about to be opened. Repeatable. */
  async close(app: string): Promise<void> {
    this.#orphaned.delete(app);
    // Who has none waits for nobody: the keeper may be slow to answer others.
    if (!this.#held.has(app) && !this.#opening.has(app)) return;
    await this.#exclusively(async () => {
      if (!this.#held.delete(app)) return;
      await this.#link?.ask("close", { app }).catch(ignoreLoss);
      await this.#quitIfIdle();
    });
  }

  /**
   * Starts the process of a run with the app's sockets as descriptors 3, 4 …
   * @throws VelosError BACKEND_FAILED when it cannot be executed, PORT_IN_USE when the sockets cannot be had any more
   */
  async launch(spec: AppSpec, run: string, order: LaunchOrder): Promise<MainProcess> {
    // They are held, unless the keeper was ended.
    await this.ensure(spec);
    try {
      if (this.#link === undefined) throw new LinkLost();
      return this.#watch(await this.#link.ask("launch", { app: spec.name, run, order }));
    } catch (error) {
      if (!(error instanceof LinkLost)) throw launchFailed(spec, error);
      const { leaving, adopted } = this.#options;
      leaving.throwIfAborted();
      // It may have been started in the keeper's last moment.
      const found = await findRun(run, "", leaving);
      const main = found && adopted.adopt(found.pid, found.startTime);
      if (main === undefined) throw prevented("the keeper of its listening sockets was ended", "start it again", error);
      return main;
    }
  }

  /** The process of a run that an earlier velosd had the keeper start, be it over; undefined when there is none. */
  recall(run: string): MainProcess | undefined {
    const kept = this.#found.get(run);
    return kept && this.#watch(kept);
  }

  #watch(kept: KeptRun): MainProcess {
    const { run, pid, startTime } = kept;
    const past = kept.end ?? this.#found.get(run)?.end;
    this.#found.delete(run);
    let alive = true;
    const ended = new Promise<ProcessEnd>((resolve) => {
      const end = (how: ProcessEnd): void => {
        alive = false;
        this.#watched.delete(run);
        resolve(how);
        // By then its state file speaks of the end: whenever velosd dies, one of the two remembers.
        setImmediate(() => this.#forget([run]));
      };
      this.#watched.set(run, { kept, end });
      if (past) end(past);
    });
    return {
      pid,
      startTime,
      ended,
      isAlive: () => alive && startTimeOf(pid) === startTime,
      detach: () => this.#watched.delete(run),
    };
  }

  #forget(runs: string[]): void {
    if (runs.length === 0 || this.#options.leaving.aborted) return;
    this.#link?.ask("forget", { runs }).catch(() => undefined);
  }

  #events(): LinkEvents {
    return {
      ended: (kept: KeptRun): void => {
        const watched = this.#watched.get(kept.run);
        if (watched) watched.end(kept.end ?? {});
        // It came together with the answer to the launch, which has not been looked at yet.
        else this.#found.set(kept.run, kept);
      },
      lost: (): void => this.#lose(),
    };
  }

  #lose(): void {
    this.#link = undefined;
    const apps = this.apps();
    this.#held.clear();
    for (const app of apps) this.#orphan(app);
    for (const { kept, end } of this.#watched.values()) {
      const main = this.#options.adopted.adopt(kept.pid, kept.startTime);
      if (main === undefined) end({});
      else void main.ended.then(end);
    }
  }

  #orphan(app: string): void {
    this.#orphaned.add(app);
    this.#options.report(
      `the keeper of the listening sockets of ${app} was ended; instances that run go on with theirs, but others cannot join them: \`velos stop ${app}\`, then \`velos start ${app}\``,
    );
  }

  async #quitIfIdle(): Promise<void> {
    const link = this.#link;
    if (link === undefined || this.#held.size > 0) return;
    const { quits } = await link.ask("quit", {}).catch(() => ({ quits: false }));
    if (!quits) return;
    if (this.#link === link) this.#link = undefined;
    link.close();
  }

  async #explain({ name, listen }: AppSpec, error: unknown): Promise<Error> {
    if (!(error instanceof Refused))
      return prevented("the keeper of the listening sockets was ended", "try again", error);
    const { message, code, address: at = 0 } = error.refusal;
    const address = listen[at];
    if (address === undefined || code === undefined) return failed(message, "", error);
    const text = formatListen(address);
    if (code !== "EADDRINUSE") {
      const why = WORDS[code] ?? message;
      return failed(`it could not listen on ${text}: ${why}`, "choose another address", error);
    }
    if (this.#orphaned.has(name)) {
      const why = `${text} is held by instances from before the keeper of its sockets was ended`;
      return prevented(why, `\`velos stop ${name}\`, then \`velos start ${name}\``, error);
    }
    const by = this.#holderOf(address) ?? (await portOwner(address)) ?? "";
    return new VelosError("PORT_IN_USE", { address: text, by }, { cause: error });
  }

  /** The app of velos that has the address, where it is one: the keeper, who has them all, would say nothing. */
  #holderOf(address: ListenAddress): string | undefined {
    const isSame = (other: ListenAddress): boolean =>
      "path" in address
        ? "path" in other && other.path === address.path
        : "port" in other && other.port === address.port;
    const holder = [...this.#held].find(([, listen]) => (JSON.parse(listen) as ListenAddress[]).some(isSame));
    return holder && ` by ${holder[0]}, an app of velos`;
  }

  #exclusively<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** The refusals of listen(2) and bind(2) that users meet. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRNOTAVAIL: "this machine has no such address",
  EAFNOSUPPORT: "this machine has no IPv6",
  ENOTDIR: "its directory is a file",
  EEXIST: "there is a file",
  EROFS: "its directory is read-only",
};

const ignoreLoss = (error: unknown): void => {
  if (!(error instanceof LinkLost)) throw error;
};
