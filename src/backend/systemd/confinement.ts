import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { usesHealthSocket } from "../../domain/health-target.ts";
import type { InstancePlaces } from "../../domain/instance-environment.ts";
import { usesLoadTable } from "../../domain/load-table.ts";
import type { Scope } from "../backend.ts";
import { credentialFile, writeCredentials } from "./credentials.ts";
import type { Property } from "./properties.ts";
import { sandboxPlaces } from "./sandbox-paths.ts";
import { credentialProperties, sandboxProperties } from "./sandbox-properties.ts";

export interface ConfinementOptions {
  scope: Scope;
  /** `/run` or `$XDG_RUNTIME_DIR`. */
  runtimeDirectory: string;
  /** velosd's own: where strict apps of a user's scope have their state. */
  stateDirectory: string;
  preload: string;
}

/** What an app is kept from and what secrets it is given: sandbox and credentials. */
export class Confinement {
  readonly #options: ConfinementOptions;

  constructor(options: ConfinementOptions) {
    this.#options = options;
  }

  /** Makes what all instances share. @throws VelosError BACKEND_FAILED for a secret that cannot be read */
  async prepare(spec: AppSpec): Promise<void> {
    await writeCredentials(spec, this.#options.scope, this.#credentials(spec.name));
    const state = this.#state(spec);
    if (state !== undefined) await mkdir(state, { recursive: true, mode: 0o700 });
  }

  /** Removes that; what the app has written stays. */
  async release(app: string): Promise<void> {
    await rm(this.#credentials(app), { recursive: true, force: true });
  }

  /**
   * The properties of one instance.
   * @param own.healthSocket where it would be asked for its health
   * @param own.loadTable where it would tell the others its load
   * @throws VelosError BACKEND_FAILED for a path that its sandbox names and that is not there
   */
  async properties(spec: AppSpec, own: { healthSocket: string; loadTable: string }): Promise<Property[]> {
    const { scope, runtimeDirectory, preload } = this.#options;
    const state = this.#state(spec);
    const places = await sandboxPlaces(spec, {
      scope,
      runtimeDirectory,
      preload,
      ...(usesHealthSocket(spec) && { healthDirectory: dirname(own.healthSocket) }),
      ...(usesLoadTable(spec) && { loadTable: own.loadTable }),
      ...(state !== undefined && { stateDirectory: state }),
    });
    const fileOf = (name: string): string => credentialFile(this.#credentials(spec.name), name);
    return [...sandboxProperties(spec, places), ...credentialProperties(spec.credentials ?? {}, fileOf)];
  }

  /** What an instance is told that is its own, where the manager does not tell it. */
  places(spec: AppSpec): Pick<InstancePlaces, "stateDirectory"> {
    const stateDirectory = this.#state(spec);
    return stateDirectory === undefined ? {} : { stateDirectory };
  }

  #credentials(app: string): string {
    return join(this.#options.runtimeDirectory, "velos", "credentials", app);
  }

  /** In a user's scope a strict app's state is below velosd's; the system's manager makes it in /var/lib. */
  #state(spec: AppSpec): string | undefined {
    const own = this.#options.scope === "user" && spec.sandbox?.profile === "strict";
    return own ? join(this.#options.stateDirectory, "data", spec.name) : undefined;
  }
}
