import type { FSWatcher } from "chokidar";
import { isAbsolute, relative, sep } from "node:path";
import { matchesGlob } from "../domain/selector.ts";

export interface WatchSettings {
  /** Absolute paths of files and directories. */
  paths: readonly string[];
  /** Names (`node_modules`), paths below the working directory (`src/gen`), or patterns with `*`. */
  ignore: readonly string[];
  cwd: string;
}

/** Changes closer together than this are one: editors write a file in several steps, builds write many files. */
const QUIET_MS = 200;
/** How long a burst may last: something that is written to without a pause must not keep a change from being seen. */
const BURST_MS = 2000;

/**
 * Calls `onChange` once for each burst of changes. Returns a function that ends it. What cannot be watched is told to
 * `onProblem`; the app runs on.
 */
export const watchPaths = (
  settings: WatchSettings,
  onChange: () => void,
  onProblem: (problem: string) => void,
): (() => Promise<void>) => {
  let timer: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  let stopped = false;
  let burstEndsAt: number | undefined;
  const changed = (): void => {
    burstEndsAt ??= performance.now() + BURST_MS;
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        burstEndsAt = undefined;
        onChange();
      },
      Math.min(QUIET_MS, Math.max(0, burstEndsAt - performance.now())),
    );
  };
  // Loaded only where something is watched.
  void import("chokidar")
    .then(({ watch }) => {
      if (stopped) return;
      watcher = watch([...settings.paths], { ignoreInitial: true, ignored: (path) => isIgnored(path, settings) });
      watcher.on("all", changed);
      watcher.on("error", (error) => onProblem((error as Error).message));
    })
    .catch((error: unknown) => onProblem((error as Error).message));
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await watcher?.close();
  };
};

/** True when the path, or a directory above it, is one that is not looked at. */
export const isIgnored = (path: string, { ignore, paths, cwd }: WatchSettings): boolean => {
  if (paths.includes(path)) return false;
  const below = relative(cwd, path);
  const parts = below.split(sep);
  return ignore.some((pattern) => {
    const wanted = isAbsolute(pattern) ? relative(cwd, pattern) : pattern.replace(/\/+$/, "");
    if (wanted.includes("/")) {
      return parts.some((_, end) => matchesGlob(wanted, parts.slice(0, end + 1).join("/")));
    }
    return parts.some((part) => matchesGlob(wanted, part));
  });
};
