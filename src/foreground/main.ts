import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Connection } from "../client/connection.ts";
import type { LogLine } from "../backend/backend.ts";
import type { Paths } from "../config/paths.ts";
import type { ResolvedApp } from "../config/resolve.ts";
import { runDaemon } from "../daemon/run.ts";
import { VelosError } from "../domain/errors.ts";
import { quantityText } from "../domain/quantity.ts";
import { version } from "../domain/version.ts";
import { Output } from "./output.ts";
import { ownPlaces } from "./places.ts";
import { verdictOf } from "./verdict.ts";

/** What is to run in the foreground, and how to talk to whoever started it. */
export interface ForegroundRequest {
  paths: Paths;
  env: Readonly<Record<string, string | undefined>>;
  apps: readonly ResolvedApp[];
  /** One line of an app's output. */
  print: (line: LogLine) => Promise<void>;
  /** A line of velos's own. */
  report: (text: string) => void;
  /** Calls the listener whenever somebody asks for the end (SIGTERM, SIGINT). */
  onStop: (listener: () => void) => void;
  /** Calls the listener with each signal that is meant for the apps. */
  onSignal: (listener: (signal: string) => void) => void;
}

/**
 * Runs apps with a velosd inside of this process, until they have come to an end or somebody asks for it; resolves to the
 * exit code. Asked for: 0, once everything has stopped, each instance within its kill timeout; asked twice, at once.
 * @throws VelosError when an app cannot be started at all
 */
export const runForeground = async (request: ForegroundRequest): Promise<number> => {
  const { env, report } = request;
  const { paths, directory, note } = await ownPlaces(request.paths, env);
  if (note !== undefined) report(note);
  const end = new End();
  try {
    const daemon = await runDaemon({
      paths,
      backend: "spawn",
      version,
      env,
      log: report,
      onShutdown: () => end.ask(),
    });
    const connection = await Connection.open(paths.socket);
    try {
      return await supervise(connection, request, end);
    } finally {
      connection.close();
      await daemon.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

/** The end that somebody may ask for. */
class End {
  isAsked = false;
  readonly asked: Promise<"asked">;
  /** Resolves when it was asked for again, by somebody who does not want to wait. */
  readonly hurried: Promise<void>;
  #ask!: () => void;
  #hurry!: () => void;

  constructor() {
    this.asked = new Promise((resolve) => (this.#ask = () => resolve("asked")));
    this.hurried = new Promise((resolve) => (this.#hurry = resolve));
  }

  ask(): void {
    this.isAsked = true;
    this.#ask();
  }

  hurry(): void {
    this.#hurry();
  }
}

const supervise = async (
  daemon: Connection,
  { apps, print, report, onStop, onSignal }: ForegroundRequest,
  end: End,
): Promise<number> => {
  const names = apps.map(({ spec }) => spec.name);
  const output = new Output(daemon, print);
  let times = 0;
  onStop(() => {
    if (++times > 1) end.hurry();
    end.ask();
  });
  onSignal((signal) => {
    daemon.call("signal", { selectors: names, signal }).catch((error: Error) => report(error.message));
  });
  const ended = untilEnded(daemon, names, (app) => output.follow(app));
  const started = startAll(daemon, apps, end, report);
  // Whoever is asked to stop meanwhile does not wait for them.
  for (const work of [ended, started]) work.catch(() => undefined);
  try {
    const outcome = await Promise.race([end.asked, started.then(() => ended)]);
    if (outcome === "asked") await endAll(daemon, "stop", started, end);
    await output.finish((await daemon.call("list", {})).apps.map(({ name }) => name));
    return outcome === "asked" ? 0 : outcome;
  } finally {
    await endAll(daemon, "delete", started, end).catch((error: Error) => report(error.message));
  }
};

/**
 * Stops or deletes whatever there is, each instance within its kill timeout; once somebody is in a hurry, by force.
 * What is just being started ends with the rest.
 */
const endAll = async (
  daemon: Connection,
  how: "stop" | "delete",
  started: Promise<void>,
  { hurried }: End,
): Promise<void> => {
  const selectors = ["all"];
  let isOver = false;
  void hurried.then(async () => {
    // Again, because one that was killed before velosd knew that it is to stop has been started anew.
    for (; !isOver; await delay(100))
      await daemon.call("signal", { selectors, signal: "SIGKILL" }).catch(() => undefined);
  });
  const settled = started.then(
    () => true,
    () => true,
  );
  try {
    let isLast: boolean;
    do {
      // An app that velosd does not know yet is not among all: once more when its start is over.
      isLast = await Promise.race([settled, delay(0, false)]);
      await daemon.call(how, { selectors });
      if (!isLast) await Promise.race([settled, delay(100)]);
    } while (!isLast);
  } finally {
    isOver = true;
  }
};

/**
 * Starts the apps in their order, until the end is asked for. What crashes is left to its restarts; what cannot be
 * started at all ends everything.
 */
const startAll = async (
  daemon: Connection,
  apps: readonly ResolvedApp[],
  end: End,
  report: (text: string) => void,
): Promise<void> => {
  for (const { spec, instances } of apps) {
    if (end.isAsked) return;
    try {
      await daemon.call("start", { spec, instances: quantityText(instances), wait: "start" });
    } catch (error) {
      if (end.isAsked) return;
      if (!(error instanceof VelosError)) throw error;
      const isThere = (await daemon.call("list", {})).apps.some(({ name }) => name === spec.name);
      if (!isThere) throw error;
      report(error.message);
    }
  }
};

/** Looks at the apps whenever something happens, until all of them have come to an end: the exit code. */
const untilEnded = async (
  daemon: Connection,
  names: readonly string[],
  created: (app: string) => void,
): Promise<number> => {
  for await (const event of daemon.stream("watch", {})) {
    if (event.type === "app" && event.change === "created") created(event.app);
    const { apps } = await daemon.call("list", {});
    if (!names.every((name) => apps.some((app) => app.name === name))) continue;
    const verdict = verdictOf(apps.filter(({ name }) => names.includes(name)));
    if (verdict !== undefined) return verdict;
  }
  throw new VelosError("DAEMON_UNREACHABLE", { why: "its events ended", hint: "this is a bug in velos" });
};
