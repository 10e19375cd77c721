import type { FSWatcher, Stats } from "node:fs";
import { watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { findWay } from "./find-way.ts";

export interface WatchTreeOptions {
  /** Absolute path of a file or directory, which need not be there. */
  path: string;
  isIgnored: (path: string) => boolean;
  /** Something has changed; called for each thing that did, and more than once for some. */
  changed: () => void;
  problem: (problem: string) => void;
  /** Ids of the directories above, for a link in one of them: one that leads to them leads round in a circle. */
  above?: ReadonlySet<string>;
}

/** Something that the kernel was asked to watch: the file or directory that was there then, whatever its path names now. */
interface Watched {
  id: string;
  watcher: FSWatcher;
  /** Something befell a directory itself: a removal, a move, or no more than other permissions. */
  isInDoubt: boolean;
}

interface Entry extends Watched {
  isDirectory: boolean;
  /** Paths below a directory that are watched by themselves. */
  children: Set<string>;
}

/** A directory on the way to the path, and the names in it that lead there. */
interface Step extends Watched {
  names: Set<string>;
}

/**
 * Watches a file, or a directory with all that is below it, by its path: also when it is not there yet, is removed and
 * made again, or when it or a directory above it is exchanged, as builds and deployments do (`rm -rf dist`, `mv`,
 * `ln -sfn`). The kernel watches what a path leads to at one moment; so every directory on the way there is watched too,
 * and after each change of a name it is looked at again where that leads now.
 */
export class WatchTree {
  readonly #options: WatchTreeOptions;
  readonly #steps = new Map<string, Step>();
  readonly #entries = new Map<string, Entry>();
  /** Links below the path: where each leads is found on a way of its own, which may change anywhere. */
  readonly #links = new Map<string, WatchTree>();
  /** Directories in which a name came or went since they were looked at. */
  readonly #dirty = new Set<string>();
  readonly #told = new Set<string>();
  /** The way to the path may be another. */
  #wayChanged = true;
  /** The directory and the name at the end of the way. */
  #end = { directory: "", name: "" };
  /** What was there at the last look: its id, empty for nothing; undefined before the first look. */
  #found: string | undefined;
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(options: WatchTreeOptions) {
    this.#options = options;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
    await Promise.all([...this.#links.values()].map(async (link) => link.close()));
    for (const { watcher } of [...this.#steps.values(), ...this.#entries.values()]) watcher.close();
    this.#steps.clear();
    this.#entries.clear();
    this.#links.clear();
  }

  #wake(): void {
    if (this.#closed) return;
    this.#working ??= this.#work()
      .catch((error: unknown) => this.#tell(error))
      .finally(() => {
        this.#working = undefined;
        if (this.#wayChanged || this.#dirty.size > 0) this.#wake();
      });
  }

  /** One look after the other: what happens meanwhile is looked at after. */
  async #work(): Promise<void> {
    while (!this.#closed) {
      const [directory] = this.#dirty;
      if (this.#wayChanged) {
        this.#wayChanged = false;
        await this.#followWay();
      } else if (directory !== undefined) {
        this.#dirty.delete(directory);
        await this.#look(directory);
      } else return;
    }
  }

  async #followWay(): Promise<void> {
    const { path, changed } = this.#options;
    const way = await findWay(path);
    this.#end = way.end;
    for (const [directory, step] of this.#steps) {
      const names = way.names.get(directory);
      if (names && isSame(step, await statOf(directory))) step.names = names;
      else {
        step.watcher.close();
        this.#steps.delete(directory);
      }
    }
    for (const [directory, names] of way.names) {
      if (this.#steps.has(directory)) continue;
      // A directory that may be passed and not read cannot be watched; the others are.
      const watched = await this.#watch(directory, (type, name) => this.#sawOnWay(directory, type, name), true);
      if (!watched) continue;
      this.#steps.set(directory, { ...watched, names });
      // It may have led elsewhere before it was watched.
      this.#wayChanged = true;
    }
    if (this.#wayChanged) return;
    const found = await statOf(path);
    const id = found ? idFrom(found) : "";
    const entry = this.#entries.get(path);
    if (entry ? isSame(entry, found) : id === this.#found) return;
    const isFirst = this.#found === undefined;
    this.#drop(path);
    if (found?.isDirectory()) await this.#add(path);
    this.#found = id;
    // What was written there before it was watched is not told by anything else.
    if (!isFirst) changed();
  }

  #sawOnWay(directory: string, type: string, name: string | null): void {
    const step = this.#steps.get(directory);
    if (name === basename(directory) && step) step.isInDoubt = true;
    else if (name !== null && !step?.names.has(name)) return;
    // What becomes of a directory is found out below; of a file this is all that is told.
    const isEnd = directory === this.#end.directory && (name === null || name === this.#end.name);
    if (isEnd && !this.#entries.has(this.#options.path)) this.#options.changed();
    if (type !== "rename") return;
    this.#wayChanged = true;
    this.#wake();
  }

  async #add(path: string): Promise<void> {
    const found = await statOf(path);
    if (!found || this.#isBelow(idFrom(found), path)) return;
    const watched = await this.#watch(path, (type, name) => this.#saw(path, type, name), false);
    if (!watched) return;
    this.#entries.set(path, { ...watched, isDirectory: found.isDirectory(), children: new Set() });
    this.#entries.get(dirname(path))?.children.add(path);
    await this.#look(path);
  }

  /** Looks which directories there are in a directory, and watches those that are new. */
  async #look(directory: string): Promise<void> {
    const entry = this.#entries.get(directory);
    if (!entry?.isDirectory || this.#closed) return;
    const there = new Set<string>();
    for (const found of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      const path = join(directory, found.name);
      const isLink = found.isSymbolicLink();
      if (!(isLink || found.isDirectory()) || this.#options.isIgnored(path)) continue;
      if (isLink) {
        there.add(path);
        this.#follow(path, entry);
        continue;
      }
      const target = await statOf(path);
      // A file is watched by its directory.
      if (!target?.isDirectory()) continue;
      there.add(path);
      const known = this.#entries.get(path);
      if (known && isSame(known, target)) continue;
      const isFirst = this.#found === undefined;
      this.#drop(path);
      await this.#add(path);
      if (!isFirst) this.#options.changed();
    }
    for (const path of entry.children) {
      if (there.has(path)) continue;
      this.#drop(path);
      this.#options.changed();
    }
  }

  /** Watches what a link leads to. That a link came or went, or leads elsewhere now, is told by the directory it is in. */
  #follow(path: string, directory: Entry): void {
    if (this.#links.has(path)) return;
    // It may have been a directory.
    this.#drop(path);
    directory.children.add(path);
    const above = new Set(this.#options.above);
    for (let up = dirname(path); ; up = dirname(up)) {
      const entry = this.#entries.get(up);
      if (!entry) break;
      above.add(entry.id);
    }
    this.#links.set(path, new WatchTree({ ...this.#options, path, above, problem: (why) => this.#tellOnce(why) }));
  }

  #saw(path: string, type: string, name: string | null): void {
    const entry = this.#entries.get(path);
    if (!entry) return;
    const isOwn = name === basename(path);
    if (isOwn || name === null) {
      entry.isInDoubt = true;
      if (path === this.#options.path) this.#wayChanged = true;
      else this.#dirty.add(dirname(path));
    }
    const changed = entry.isDirectory && name !== null ? join(path, name) : path;
    if (!this.#options.isIgnored(changed)) {
      if (type === "rename") this.#dirty.add(path);
      // The permissions of a directory are no content; what else becomes of it is found out by looking.
      if (isOwn && entry.isDirectory) void this.#tellOfFile(changed);
      else if (changed === path || !this.#entries.get(changed)?.isDirectory) this.#options.changed();
    }
    this.#wake();
  }

  /** A file may have the name of its directory. */
  async #tellOfFile(path: string): Promise<void> {
    if ((await statOf(path))?.isFile() && !this.#closed) this.#options.changed();
  }

  #drop(path: string): void {
    const link = this.#links.get(path);
    if (link) {
      this.#links.delete(path);
      this.#entries.get(dirname(path))?.children.delete(path);
      void link.close();
    }
    const entry = this.#entries.get(path);
    if (!entry) return;
    entry.watcher.close();
    this.#entries.delete(path);
    this.#entries.get(dirname(path))?.children.delete(path);
    for (const child of entry.children) this.#drop(child);
  }

  /** True when a directory above the path is the same: a link leads round in a circle. */
  #isBelow(id: string, path: string): boolean {
    if (path === this.#options.path) return this.#options.above?.has(id) === true;
    const above = dirname(path);
    return this.#entries.get(above)?.id === id || this.#isBelow(id, above);
  }

  /** Begins to watch what a path leads to; undefined where that cannot be done, or nothing is there any more. */
  async #watch(
    path: string,
    saw: (type: string, name: string | null) => void,
    isOptional: boolean,
  ): Promise<Watched | undefined> {
    for (;;) {
      const id = await idOf(path);
      if (id === undefined || this.#closed) return undefined;
      let watcher: FSWatcher;
      try {
        watcher = watch(path, saw);
      } catch (error) {
        if (!isOptional) this.#tell(error);
        return undefined;
      }
      watcher.on("error", (error) => this.#tell(error));
      if ((await idOf(path)) === id && !this.#closed) return { id, watcher, isInDoubt: false };
      // It was exchanged just then: nobody could say which one is watched.
      watcher.close();
    }
  }

  /** Each kind of problem is told once: where one directory cannot be watched, the next thousand cannot either. */
  #tell(error: unknown): void {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || this.#closed || this.#told.has(code)) return;
    this.#told.add(code);
    this.#options.problem(message);
  }

  #tellOnce(problem: string): void {
    if (this.#closed || this.#told.has(problem)) return;
    this.#told.add(problem);
    this.#options.problem(problem);
  }
}

const statOf = async (path: string): Promise<Stats | undefined> => stat(path).catch(() => undefined);

/** The number of an inode is used again, at once on some file systems; with its birth it is not mistaken. */
const idFrom = ({ dev, ino, birthtimeMs }: Stats): string => `${dev}:${ino}:${birthtimeMs}`;

/** True when what is there now is what is being watched; not every file system knows when something was born. */
const isSame = ({ id, isInDoubt }: Watched, found: Stats | undefined): boolean =>
  found !== undefined && id === idFrom(found) && !(isInDoubt && found.birthtimeMs === 0);

const idOf = async (path: string): Promise<string | undefined> => {
  const found = await statOf(path);
  return found && idFrom(found);
};
