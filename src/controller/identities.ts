import type { AppSpec } from "../domain/app.ts";
import type { RunVariables } from "../domain/run-variables.ts";
import { instanceUuid, runVariables } from "../domain/run-variables.ts";
import { findVersion } from "./app-versions.ts";

/** Who instances are, for the OpenTelemetry of the apps themselves. */
export class Identities {
  readonly #place: string;
  /** Looks at an app's version that are under way: instances that start together share one. */
  readonly #looking = new Map<AppSpec, Promise<string>>();

  /** @param place tells this machine and scope from all others */
  constructor(place: string) {
    this.#place = place;
  }

  /** The variables that a run is started with, besides those of its spec. */
  async variables(spec: AppSpec, index: number, traceparent: string | undefined): Promise<RunVariables> {
    const instanceId = instanceUuid(this.#place, spec.name, index);
    return runVariables(spec, { instanceId, version: await this.#version(spec) }, traceparent);
  }

  async #version(spec: AppSpec): Promise<string> {
    const underWay = this.#looking.get(spec);
    if (underWay) return underWay;
    const looking = findVersion(spec).finally(() => this.#looking.delete(spec));
    this.#looking.set(spec, looking);
    return looking;
  }
}
