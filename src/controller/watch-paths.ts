import { isAbsolute, relative, sep } from "node:path";
import { matchesGlob } from "../domain/selector.ts";
import { WatchTree } from "./watch-tree.ts";

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
  const trees = settings.paths.map(
    (path) => new WatchTree({ path, isIgnored: (one) => isIgnored(one, settings), changed, problem: onProblem }),
  );
  return async () => {
    await Promise.all(trees.map(async (tree) => tree.close()));
    clearTimeout(timer);
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
