import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import { fingerprint } from "../../domain/app.ts";
import { instanceEnvironment } from "../../domain/instance-environment.ts";
import { environmentFileText, readEnvironmentFile, writeOrRemove } from "./drop-in.ts";

const PREFIX = "secret-";

/** Path of the file with the secret variables of an app's instances on one spec. */
export const secretFile = (directory: string, print: string): string => join(directory, `${PREFIX}${print}.env`);

/**
 * The secret variables of apps, which no unit's properties may show. A file for each spec that something runs on: the
 * manager reads it at every run, also when it restarts an instance of the old spec in the middle of a rollout.
 */
export class SecretFiles {
  readonly #directoryOf: (app: string) => string;
  /** The spec that each app was prepared for last: instances of it are about to be started. */
  readonly #prepared = new Map<string, string>();

  /** `directoryOf`: an app's own directory, which may have other files in it. */
  constructor(directoryOf: (app: string) => string) {
    this.#directoryOf = directoryOf;
  }

  /** Writes the file of a spec that has secrets. */
  async write(spec: AppSpec): Promise<void> {
    const print = fingerprint(spec);
    this.#prepared.set(spec.name, print);
    const { secret } = instanceEnvironment(spec, 0, 1);
    await writeOrRemove(secretFile(this.#directoryOf(spec.name), print), environmentFileText(secret), 0o600);
  }

  /** The secret variables of instances on that spec; none where there is no file. */
  async read(app: string, print: string): Promise<Record<string, string>> {
    return readEnvironmentFile(await readFile(secretFile(this.#directoryOf(app), print), "utf8").catch(() => ""));
  }

  /**
   * Removes the files that nothing is started with any more.
   * @param inUse the fingerprints of all instances there are; an empty one: not known yet, and nothing is removed
   */
  async prune(app: string, inUse: readonly string[]): Promise<void> {
    if (inUse.includes("")) return;
    const kept = new Set([...inUse, this.#prepared.get(app)].map((print) => `${PREFIX}${print}.env`));
    const directory = this.#directoryOf(app);
    const files = await readdir(directory).catch(() => []);
    const old = files.filter((file) => file.startsWith(PREFIX) && file.endsWith(".env") && !kept.has(file));
    await Promise.all(old.map(async (file) => rm(join(directory, file), { force: true })));
  }

  forget(app: string): void {
    this.#prepared.delete(app);
  }
}
