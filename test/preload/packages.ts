import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** How long `npm install` may take where nothing is cached. */
export const INSTALL_TIMEOUT_MS = 180_000;

/**
 * A `node_modules` with other people's packages, by the names they have there: the repository's own if it has them
 * all, else one made for the occasion. `remove()` when done.
 * @param specs what npm installs under each name, e.g. `{ koa: "koa@3", old: "npm:signal-exit@3" }`
 */
export const installPackages = (specs: Record<string, string>): { modules: string; remove: () => void } => {
  const own = resolve(import.meta.dirname, "../../node_modules");
  if (Object.keys(specs).every((name) => existsSync(join(own, name)))) return { modules: own, remove: () => undefined };
  const directory = mkdtempSync(join(tmpdir(), "velos-packages-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    const wanted = Object.entries(specs).map(([name, spec]) => `${name}@${spec}`);
    const quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"];
    execFileSync("npm", ["install", ...quietly, ...wanted], { cwd: directory, stdio: "pipe" });
  } catch (error) {
    remove();
    throw error;
  }
  return { modules: join(directory, "node_modules"), remove };
};
