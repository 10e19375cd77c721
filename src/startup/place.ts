import { userInfo } from "node:os";
import { join } from "node:path";
import { selectBackend } from "../backend/select.ts";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";
import { readIfThere } from "./unit-files.ts";
import type { ServiceManager } from "./manager.ts";
import type { UnitPlace } from "./unit-texts.ts";

export interface StartupOptions {
  paths: Paths;
  /** As asked for with --backend. */
  backend: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  uid: number | undefined;
  /** Absolute path of Node. */
  node: string;
  /** Where this build is: it has velosd.cjs and units/ in it. */
  dist: string;
  /** Say what would be done, do nothing. */
  dryRun: boolean;
}

/**
 * Sees to it that units can be installed by whoever asks.
 * @throws VelosError STARTUP_FAILED
 */
export const checkPossible = ({ paths, backend, env, uid }: StartupOptions): void => {
  if (selectBackend(backend, paths, env).name !== "systemd") {
    throw new VelosError("STARTUP_FAILED", {
      why: `nothing can start velosd at boot: ${(backend ?? env["VELOS_BACKEND"]) ? "the backend is not systemd" : missing(paths)}`,
      hint:
        paths.scope === "user"
          ? `\`sudo loginctl enable-linger ${userInfo().username}\` starts it; then set XDG_RUNTIME_DIR=/run/user/${uid ?? 0}`
          : "in a container let it start velos itself; elsewhere whatever starts programs at boot may run `velosd --foreground`",
    });
  }
  if (paths.scope === "system" && uid !== 0) {
    throw new VelosError("STARTUP_FAILED", {
      why: "units of the system scope are root's to install",
      hint: "sudo velos startup; `velos startup --user` is for your own apps",
    });
  }
};

const missing = ({ scope }: Paths): string =>
  scope === "system" ? "systemd does not run here" : "no service manager of this user runs here";

/** What this installation's units say. */
export const placeOf = ({ paths, env, node, dist }: StartupOptions): UnitPlace => {
  const names = paths.scope === "user" ? ["VELOS_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] : ["VELOS_HOME"];
  const environment = Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = env[name];
      return value ? [[name, value]] : [];
    }),
  );
  return { paths, node, program: join(dist, "velosd.cjs"), environment };
};

/**
 * The directory for units that no package has installed.
 * @throws VelosError STARTUP_FAILED where the manager does not look into it
 */
export const ownDirectory = async ({ paths, env }: StartupOptions, manager: ServiceManager): Promise<string> => {
  if (paths.scope === "system") return "/etc/systemd/system";
  const known = await manager.unitDirectories();
  const home = join(env["HOME"] ?? "/", ".config");
  const candidates = [env["XDG_CONFIG_HOME"] || home, home].map((config) => join(config, "systemd", "user"));
  const directory = candidates.find((candidate) => known.includes(candidate));
  if (directory !== undefined) return directory;
  throw new VelosError("STARTUP_FAILED", {
    why: `your service manager does not read ${candidates[0]}`,
    hint: `it reads ${known.join(" ") || "nothing"}`,
  });
};

/** The directory in which a package has installed units that start this very build; undefined without. */
export const packagedDirectory = async (
  own: string,
  place: UnitPlace,
  manager: ServiceManager,
): Promise<string | undefined> => {
  for (const directory of await manager.unitDirectories()) {
    if (directory === own || directory.startsWith("/run/")) continue;
    const text = await readIfThere(join(directory, "velosd.service"));
    if (text?.split("\n").some((line) => line.startsWith("ExecStart=") && line.split(" ").includes(place.program)))
      return directory;
  }
  return undefined;
};
