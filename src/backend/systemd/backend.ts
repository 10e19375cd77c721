import { readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AppSpec } from "../../domain/app.ts";
import { fingerprint } from "../../domain/app.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Exit, ObservedInstance } from "../../domain/instance.ts";
import { formatListen } from "../../domain/listen.ts";
import { describeExit } from "../../domain/instance.ts";
import type { RunVariables } from "../../domain/run-variables.ts";
import type {
  Backend,
  Facility,
  Figures,
  LogLine,
  LogQuery,
  MissedInstance,
  Scope,
  SupervisorCounters,
  Usage,
} from "../backend.ts";
import { makeLoadTable, removeLoadTable } from "../load-table.ts";
import { portOwner } from "../port-owner.ts";
import { bootFacility } from "./boot.ts";
import { BusError } from "./bus.ts";
import { Confinement } from "./confinement.ts";
import type { FiguresTarget } from "./figures.ts";
import { CgroupFigures } from "./figures.ts";
import { SecretFiles, secretFile } from "./secret-files.ts";
import { dropInText, readEnvironmentFile, settingsDropIn, writeOrRemove } from "./drop-in.ts";
import { exposureOf } from "./exposure.ts";
import { journalLines } from "./journal.ts";
import type { Manager } from "./manager.ts";
import { disconnected, isNoSuchUnit, isUnitExists } from "./manager.ts";
import {
  appSlice,
  cronTimer,
  daemonService,
  dropInDirectory,
  healthDirectory,
  instanceUnit,
  loadTable,
} from "./names.ts";
import { instanceProperties, droppedLimits, liftLimits, limitProperties, readEnvironment } from "./properties.ts";
import { pastLooks } from "./past-runs.ts";
import type { ScheduleCommand } from "./schedule.ts";
import { setSchedule } from "./schedule.ts";
import type { Sockets } from "./sockets.ts";
import { UnitWatch } from "./unit-watch.ts";
import type { Units } from "./units.ts";
import { withVariables } from "./variables-file.ts";
import { watchEnds } from "./wake.ts";
import { facilities } from "./facilities.ts";

export interface SystemdOptions {
  scope: Scope;
  /** D-Bus address of the scope's bus. */
  busAddress: string;
  /** `/run` in the system scope, `$XDG_RUNTIME_DIR` in the user scope. */
  runtimeDirectory: string;
  scheduleCommand: ScheduleCommand;
  /** velosd's own: state of apps that may write nowhere else is kept in it. */
  stateDirectory: string;
  /** The file that Node apps load first. */
  preload: string;
  /** Tells the manager that velosd is about to end; resolves when it knows. */
  notifyStopping?: () => Promise<void>;
}

/** Instances as transient units of systemd. */
export class SystemdBackend implements Backend {
  readonly name = "systemd" as const;
  readonly options: SystemdOptions;
  readonly manager: Manager;
  readonly #watch: UnitWatch;
  readonly #units: Units;
  readonly #sockets: Sockets;
  readonly #secrets: SecretFiles;
  readonly #confinement: Confinement;
  readonly #figures = new CgroupFigures();

  constructor(options: SystemdOptions) {
    this.options = options;
    this.#confinement = new Confinement(options);
    this.#watch = new UnitWatch(options.busAddress, (unit) => this.#figures.forget(unit));
    ({ manager: this.manager, units: this.#units, sockets: this.#sockets } = this.#watch);
    this.#secrets = new SecretFiles((app) => this.#environmentDirectory(app));
  }

  async open(onChange: (app: string) => void): Promise<void> {
    try {
      await this.#watch.open(onChange);
    } catch (error) {
      throw new VelosError("BACKEND_FAILED", {
        backend: "systemd",
        why: error instanceof Error ? error.message : String(error),
        hint: "is the bus of this scope running? `velos doctor` tells; --backend spawn does without",
      });
    }
  }

  async close(): Promise<void> {
    this.#figures.close();
    this.#watch.close();
  }

  get epoch(): string {
    return this.#watch.epoch;
  }

  apps(): string[] {
    return [...new Set([...this.#units.apps(), ...this.#sockets.apps()])];
  }

  observe(app: string): ObservedInstance[] {
    return this.#units.observe(app);
  }

  lastExit(app: string, index: number): Exit | undefined {
    return this.#units.lastExit(app, index);
  }

  async pastLooks(missed: readonly MissedInstance[]): Promise<Map<MissedInstance, ObservedInstance[]>> {
    return pastLooks(missed, this.options.scope);
  }

  async prepare(spec: AppSpec): Promise<void> {
    await this.#confinement.prepare(spec);
    await this.#secrets.write(spec);
    makeLoadTable(this.#loadTable(spec.name), spec);
    await writeOrRemove(settingsDropIn(this.#dropIns(spec.name)), dropInText(spec), 0o644);
    await this.#unlessEnding(async () => {
      if (await this.#sockets.open(spec, this.#dropIns(spec.name))) return;
      // What instances that run were given stays theirs.
      if (this.#units.observe(spec.name).length === 0) await this.release(spec.name);
      throw await this.#addressTaken(spec);
    });
  }

  async start(spec: AppSpec, index: number, count: number, variables?: RunVariables): Promise<void> {
    const unit = instanceUnit(spec.name, index);
    const variablesFile = this.#variablesFile(spec.name, index);
    const secret = Object.keys(spec.secretEnv).length > 0;
    const own = { healthSocket: this.healthSocket(spec.name, index), loadTable: this.#loadTable(spec.name) };
    const properties = instanceProperties(spec, index, count, {
      version: this.manager.version,
      scope: this.options.scope,
      places: { preload: this.options.preload, ...own, ...this.#confinement.places(spec) },
      confinement: await this.#confinement.properties(spec, own),
      ...(secret && { secretFile: secretFile(this.#environmentDirectory(spec.name), fingerprint(spec)) }),
      variablesFile,
    });
    const known = this.#units.facts(unit) !== undefined;
    if (!known) this.#units.setFingerprint(unit, fingerprint(spec));
    try {
      await this.#watch.whileStarting(unit, async () =>
        this.#unlessEnding(() =>
          withVariables(variablesFile, variables ?? { lasting: {}, once: {} }, () =>
            this.#finish(unit, this.manager.startTransient(unit, properties)),
          ),
        ),
      );
    } catch (error) {
      // The entry was made for a unit that does not exist.
      if (error instanceof BusError && !isUnitExists(error) && !known) this.#watch.gone(unit);
      throw this.#translate(error, unit);
    }
  }

  async stop(app: string, index: number): Promise<void> {
    const unit = instanceUnit(app, index);
    try {
      await this.manager.stop(unit);
      await this.#free(unit);
      await this.#secrets.prune(
        app,
        this.#units.observe(app).map((instance) => instance.fingerprint),
      );
    } catch (error) {
      if (isNoSuchUnit(error)) {
        this.#watch.gone(unit);
        return;
      }
      throw this.#translate(error, unit);
    }
  }

  async restart(app: string, index: number, variables?: RunVariables): Promise<void> {
    const unit = instanceUnit(app, index);
    const run = (): Promise<void> => this.#finish(unit, this.manager.restart(unit));
    try {
      await this.#unlessEnding(() =>
        variables ? withVariables(this.#variablesFile(app, index), variables, run) : run(),
      );
    } catch (error) {
      throw this.#translate(error, unit);
    }
  }

  async clear(app: string, index: number): Promise<void> {
    const unit = instanceUnit(app, index);
    try {
      await this.#free(unit);
    } catch (error) {
      if (!isNoSuchUnit(error)) throw this.#translate(error, unit);
      this.#watch.gone(unit);
    }
  }

  async adjust(spec: AppSpec, before?: AppSpec): Promise<void> {
    const limits = limitProperties(spec);
    const dropped = droppedLimits(spec, before);
    if (limits.length + dropped.length === 0) return;
    await Promise.all(
      this.observe(spec.name).map(async ({ unit }) => {
        try {
          const lifted = dropped.length > 0 ? liftLimits(dropped, await this.manager.unitProperties(unit)) : [];
          if (limits.length + lifted.length > 0) await this.manager.setProperties(unit, [...limits, ...lifted]);
        } catch (error) {
          if (!isNoSuchUnit(error)) throw this.#translate(error, unit);
        }
      }),
    );
  }

  async release(app: string): Promise<void> {
    await this.#sockets.close(app);
    await this.schedule(app, undefined);
    // The manager keeps an empty slice until it is told.
    if (this.#units.observe(app).length === 0) await this.manager.stop(appSlice(app)).catch(ignoreNoSuchUnit);
    await this.#confinement.release(app);
    this.#secrets.forget(app);
    removeLoadTable(this.#loadTable(app));
    await rm(this.#environmentDirectory(app), { force: true, recursive: true });
    // Of earlier builds, which had one for all specs.
    await rm(`${this.#environmentDirectory(app)}.env`, { force: true });
    await rm(this.#dropIns(app), { force: true, recursive: true });
    this.#units.forgetExits(app);
  }

  async schedule(app: string, cron: string | undefined): Promise<void> {
    try {
      await setSchedule(this.manager, app, cron, this.options.scheduleCommand);
    } catch (error) {
      throw this.#translate(error, cronTimer(app));
    }
  }

  #loadTable(app: string): string {
    return join(this.options.runtimeDirectory, loadTable(app));
  }

  healthSocket(app: string, index: number): string {
    return join(this.options.runtimeDirectory, healthDirectory(app, index), "s");
  }

  async signal(app: string, index: number, signal: string): Promise<void> {
    const unit = instanceUnit(app, index);
    try {
      await this.manager.kill(unit, "main", constants.signals[signal as NodeJS.Signals]);
    } catch (error) {
      throw this.#translate(error, unit);
    }
  }

  async exposure(app: string, index: number): Promise<number | undefined> {
    const unit = instanceUnit(app, index);
    return this.#units.facts(unit) ? exposureOf(unit, this.options.scope) : undefined;
  }

  async usage(app: string, index: number): Promise<Usage> {
    const target = this.#target(app, index);
    return target ? this.#figures.usage(target) : {};
  }

  async figures(wanted: readonly { app: string; index: number }[]): Promise<(Figures | undefined)[]> {
    return this.#figures.read(wanted.map(({ app, index }) => this.#target(app, index)));
  }

  #target(app: string, index: number): FiguresTarget | undefined {
    const unit = instanceUnit(app, index);
    const facts = this.#units.facts(unit);
    return facts?.mainPid ? { unit, run: facts.invocation, pid: facts.mainPid } : undefined;
  }

  supervisorCounters(): SupervisorCounters {
    const { counters, reconnects, jobs } = this.manager;
    return { ...counters, reconnects, jobsPending: jobs.pending };
  }

  async environment(app: string, index: number): Promise<Record<string, string>> {
    const visible = readEnvironment(await this.manager.unitProperties(instanceUnit(app, index)));
    const secret = await this.#secrets.read(app, visible["VELOS_SPEC"] ?? "");
    const own = await readFile(this.#variablesFile(app, index), "utf8").catch(() => "");
    return { ...visible, ...secret, ...readEnvironmentFile(own) };
  }

  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine> {
    const byPid = (pid: number): { app: string; index: number } | undefined => this.#units.byPid(pid);
    return journalLines(query, { scope: this.options.scope, byPid }, signal);
  }

  async dropLogs(): Promise<void> {
    // The journal keeps its lines by its own rules.
  }

  async facilities(): Promise<Facility[]> {
    return [...(await facilities(this.options.scope, this.manager.version)), await bootFacility(this.manager)];
  }

  async watchEnds(): Promise<boolean> {
    const runs = this.apps().flatMap((app) =>
      this.observe(app).flatMap(({ unit, pid }) => (pid === undefined ? [] : [{ app, unit, pid }])),
    );
    return watchEnds(this.manager, runs);
  }

  async sayGoodbye(): Promise<void> {
    await this.options.notifyStopping?.();
    await this.manager.sync();
    await this.#watch.sure();
  }

  async startAgain(): Promise<void> {
    await this.manager.queueStart(daemonService);
  }

  /** Files of variables that are not in the units of an app. */
  #environmentDirectory(app: string): string {
    return join(this.options.runtimeDirectory, "velos", "env", app);
  }

  /** What is of a run and not of the spec; each instance has its own. */
  #variablesFile(app: string, index: number): string {
    return join(this.#environmentDirectory(app), `${index}.env`);
  }

  #dropIns(app: string): string {
    return dropInDirectory(app, this.options.scope, this.options.runtimeDirectory);
  }

  /** Does something for an app; that it fails is not told while the manager goes down, which refuses everything. */
  async #unlessEnding<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.#watch.outlastShutdown().catch(() => {});
      throw error;
    }
  }

  /** Waits for a start or restart job, and says why it failed if it did. */
  async #finish(unit: string, job: Promise<string>): Promise<void> {
    const result = await job;
    if (result === "done") return;
    if (result === "lost") throw disconnected("before it said whether the unit came up");
    // The job's result comes first, and then what the unit is without the job.
    await this.manager.sync().catch(() => {});
    if (this.#units.isInDoubt(unit)) await this.#watch.makeSure();
    const exit = this.#units.exit(unit);
    const why =
      result === "canceled"
        ? "it was stopped meanwhile"
        : exit
          ? describeExit(exit)
          : `its start job ended as '${result}'`;
    throw new VelosError("BACKEND_FAILED", { backend: "systemd", why, hint: `see \`systemctl status ${unit}\`` });
  }

  /**
   * Makes the name of a stopped unit free: what failed, or had to be killed, stays loaded until it is reset. The
   * manager sends a unit's last change before it answers for the job, so what is known here is the final state.
   */
  async #free(unit: string): Promise<void> {
    const gone = this.#units.gone(unit);
    if (this.#units.facts(unit)?.activeState === "failed") await this.manager.resetFailed(unit);
    // A unit that another one refers to stays loaded; its name is free all the same.
    const patience = new AbortController();
    await Promise.race([gone, delay(2000, undefined, { signal: patience.signal, ref: false }).catch(() => {})]);
    patience.abort();
  }

  /** Why the sockets of an app could not be opened: whoever has one of the addresses, or the manager's refusal. */
  async #addressTaken(spec: AppSpec): Promise<VelosError> {
    for (const address of spec.listen) {
      const app = this.#sockets.holder(address);
      const by = app === undefined ? await portOwner(address) : ` by ${app}, an app of velos`;
      if (by !== undefined) return new VelosError("PORT_IN_USE", { address: formatListen(address), by });
    }
    const listen = spec.listen.map(formatListen).join(", ");
    return new VelosError("BACKEND_FAILED", {
      backend: "systemd",
      why: `it could not listen on ${listen}`,
      hint: "is the address one of this machine, and the directory of a path there? the journal of the manager says more",
    });
  }

  #translate(error: unknown, unit: string): Error {
    if (error instanceof VelosError) return error;
    if (!(error instanceof BusError)) return error instanceof Error ? error : new Error(String(error));
    const why = isUnitExists(error) ? `there is a unit ${unit} already` : error.message;
    return new VelosError(
      "BACKEND_FAILED",
      { backend: "systemd", why, hint: `see \`systemctl status ${unit}\`` },
      { cause: error },
    );
  }
}

const ignoreNoSuchUnit = (error: unknown): void => {
  if (!isNoSuchUnit(error)) throw error;
};
