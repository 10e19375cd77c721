import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AppSpec } from "../domain/app.ts";

/** A package.json that is longer is none. */
const MAX_BYTES = 256 * 1024;
/** How many directories above the script it may be. */
const MAX_LEVELS = 8;
/** What may stand in a label. */
const VERSION = /^[\w.+-]{1,64}$/;

/**
 * The version of the app that each run was started with, by the nearest package.json above its script. Looked up once
 * for a run: what is deployed later is a version that this run does not have.
 */
export class AppVersions {
  readonly #known = new Map<string, { run: string; version: string }>();

  get(key: string, run: string): string | undefined {
    const known = this.#known.get(key);
    return known?.run === run ? known.version : undefined;
  }

  /** Looks up what is not known; empty where there is none. Runs of one app share the look. */
  async look(spec: AppSpec, runs: readonly { key: string; run: string }[]): Promise<void> {
    const unknown = runs.filter(({ key, run }) => this.get(key, run) === undefined);
    if (unknown.length === 0) return;
    const version = await findVersion(spec);
    for (const { key, run } of unknown) this.#known.set(key, { run, version });
  }

  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
  }
}

/** What the nearest package.json above the app's script says; empty where there is none. */
export const findVersion = async (spec: AppSpec): Promise<string> => {
  let directory = spec.script === undefined ? spec.cwd : dirname(spec.script);
  for (let level = 0; level < MAX_LEVELS; level++) {
    const found = await versionIn(directory);
    if (found !== undefined) return found;
    if (dirname(directory) === directory) break;
    directory = dirname(directory);
  }
  return "";
};

/** Undefined when there is no package.json; empty when it says no version. */
const versionIn = async (directory: string): Promise<string | undefined> => {
  const file = await open(join(directory, "package.json"), "r").catch(() => undefined);
  if (!file) return undefined;
  try {
    const about = await file.stat();
    if (!about.isFile() || about.size > MAX_BYTES) return "";
    const { version } = JSON.parse(await file.readFile("utf8")) as { version?: unknown };
    return typeof version === "string" && VERSION.test(version) ? version : "";
  } catch {
    return "";
  } finally {
    await file.close();
  }
};
