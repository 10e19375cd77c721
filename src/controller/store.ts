import { open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isAppName } from "../domain/app-name.ts";
import { VelosError } from "../domain/errors.ts";
import type { AppRecord } from "../domain/record.ts";
import { makeDirectories } from "../backend/make-directories.ts";
import { replaceFile } from "../backend/replace-file.ts";
import { NotedHolds } from "./noted-holds.ts";
import type { Fields } from "./record-formats.ts";
import { formatOf, migrate, STORE_VERSION, stored } from "./record-formats.ts";

/** What `load` found besides the records. */
export interface StoreReport {
  records: AppRecord[];
  /** One line for each file that could not be read and was moved aside. */
  problems: string[];
}

/**
 * Desired state on disk: one JSON file per app, `<directory>/<app>.json`. Every write is atomic (temporary file,
 * fsync, rename, fsync of the directory): a file is the old one or the new one, whatever happens meanwhile.
 */
export class Store {
  readonly directory: string;
  readonly #noted: NotedHolds;

  /** `noteDirectory`: where reasons are noted that are not saved yet; see noted-holds.ts. */
  constructor(directory: string, noteDirectory: string) {
    this.directory = directory;
    this.#noted = new NotedHolds(noteDirectory);
  }

  /**
   * Reads every record, those of older formats included. A corrupt file is moved aside (`<app>.json.corrupt-<time>`) and
   * reported; the others are not affected. A single file of a newer format is a reason to touch nothing at all: without
   * it velosd would not know its app, and the next change to that app would overwrite what the newer velos knew.
   * @throws VelosError STORE_TOO_NEW, PATH_UNSAFE
   */
  async load(now: number): Promise<StoreReport> {
    await this.#prepare();
    const report: StoreReport = { records: [], problems: [] };
    const files = (await readdir(this.directory)).sort();
    const found = await Promise.all(
      files.filter((file) => file.endsWith(".json")).map((file) => readRecord(join(this.directory, file))),
    );
    for (const file of files) if (file.endsWith(".tmp")) await rm(join(this.directory, file), { force: true });
    for (const { path, record, damage } of found) {
      if (record) report.records.push(this.#noted.applied(record));
      if (damage === undefined) continue;
      const aside = `${path}.corrupt-${now}`;
      await rename(path, aside);
      report.problems.push(`${path} is corrupt (${damage}) and was moved to ${aside}`);
    }
    return report;
  }

  /** @throws VelosError STORE_FAILED: the file on disk is the one from before */
  async save(record: AppRecord): Promise<void> {
    try {
      await writeAtomically(this.directory, `${record.spec.name}.json`, `${JSON.stringify(stored(record), null, 1)}\n`);
    } catch (error) {
      throw storeFailed(record.spec.name, this.directory, error);
    }
    this.#noted.saved(record);
  }

  /** Notes the holds of a record at once, so that they outlive velosd; `save` is to follow. */
  note({ spec, holds }: AppRecord): void {
    this.#noted.write(spec.name, holds);
  }

  /** @throws VelosError STORE_FAILED */
  async remove(app: string): Promise<void> {
    try {
      this.#noted.remove(app);
      await rm(join(this.directory, `${app}.json`), { force: true });
      await syncDirectory(this.directory);
    } catch (error) {
      throw storeFailed(app, this.directory, error);
    }
  }

  async #prepare(): Promise<void> {
    const { mode, uid } = await this.#make();
    if ((mode & 0o002) !== 0) {
      throw new VelosError("PATH_UNSAFE", {
        path: this.directory,
        why: "is writable by everybody",
        hint: `chmod o-w ${this.directory}`,
      });
    }
    if (process.getuid && uid !== process.getuid()) {
      throw new VelosError("PATH_UNSAFE", {
        path: this.directory,
        why: `belongs to user ${uid}`,
        hint: "give it to the user velosd runs as",
      });
    }
  }

  async #make(): Promise<{ mode: number; uid: number }> {
    try {
      makeDirectories(this.directory, 0o700);
      return await stat(this.directory);
    } catch (error) {
      throw new VelosError("PATH_UNSAFE", {
        path: this.directory,
        why: `cannot be made (${(error as Error).message})`,
        hint: "make it a directory of the user velosd runs as",
      });
    }
  }
}

const storeFailed = (app: string, path: string, error: unknown): VelosError =>
  new VelosError("STORE_FAILED", { app, path, why: (error as Error).message }, { cause: error });

/** Writes a file so that a crash at any moment leaves the old content or the new. */
export const writeAtomically = async (directory: string, name: string, content: string): Promise<void> => {
  await replaceFile(join(directory, name), content, { mode: 0o600, flush: true });
  await syncDirectory(directory);
};

const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** A file of the store, as far as it could be read. */
interface FoundRecord {
  path: string;
  record?: AppRecord;
  /** Why it could not be. */
  damage?: string;
}

/** @throws VelosError STORE_TOO_NEW */
const readRecord = async (path: string): Promise<FoundRecord> => {
  try {
    return { path, record: parseRecord(await readFile(path, "utf8"), basename(path, ".json"), path) };
  } catch (error) {
    if (error instanceof VelosError) throw error;
    return { path, damage: (error as Error).message };
  }
};

const parseRecord = (text: string, app: string, path: string): AppRecord => {
  const file = JSON.parse(text) as unknown;
  const version = formatOf(file);
  if (version > STORE_VERSION) throw new VelosError("STORE_TOO_NEW", { path, version, known: STORE_VERSION });
  const { version: _, ...record } = migrate(file as Fields, version) as unknown as AppRecord & { version: number };
  if (!isAppName(app) || record.spec?.name !== app) throw new Error("the app in it is not the one of its name");
  if (
    !Number.isInteger(record.instances) ||
    typeof record.running !== "boolean" ||
    typeof record.spec.program !== "string"
  ) {
    throw new Error("fields are missing");
  }
  return record;
};
