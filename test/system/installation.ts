import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./velos.ts";
import { must, run, runAsTester } from "./velos.ts";

/** A copy of the build in a directory of its own, as npm or a package makes one; it can become another version. */
export class Installation {
  readonly dist: string;

  constructor(dist: string) {
    this.dist = dist;
    cpSync("/src/dist", dist, { recursive: true });
  }

  static temporary(): Installation {
    const directory = mkdtempSync("/opt/velos-");
    chmodSync(directory, 0o755);
    return new Installation(join(directory, "velos", "dist"));
  }

  /** The version that a build with the next one would say, in the same place. */
  upgradeTo(version: string): void {
    const { version: before } = JSON.parse(readFileSync("/src/package.json", "utf8")) as { version: string };
    for (const file of readdirSync(this.dist).filter((name) => name.endsWith(".cjs"))) {
      const path = join(this.dist, file);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll(`"${before}"`, `"${version}"`));
    }
  }

  /** velos of this installation, as root. */
  velos = async (...args: string[]): Promise<Outcome> => run(process.execPath, `${this.dist}/velos.cjs`, ...args);

  /** velos of this installation, as the ordinary user. */
  velosAsTester = async (...args: string[]): Promise<Outcome> => runAsTester(`${this.dist}/velos.cjs`, ...args);

  remove(): void {
    rmSync(this.dist, { recursive: true, force: true });
  }
}

/** One property of a unit. */
export const property = async (unit: string, name: string): Promise<string> =>
  must("systemctl", "show", "--value", `--property=${name}`, unit);

/** What `velos ping` says. */
export const ping = async (by: (...args: string[]) => Promise<Outcome>): Promise<{ version: string; pid: number }> => {
  const { stdout, stderr } = await by("ping", "--json");
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as { version: string; pid: number };
};
