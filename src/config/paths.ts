import { join } from "node:path";
import { VelosError } from "../domain/errors.ts";

/** Which service manager: root's or the caller's own. */
export type Scope = "system" | "user";

/** Where a scope keeps its things. */
export interface Paths {
  scope: Scope;
  /** velosd's socket. */
  socket: string;
  /** Directory of the socket and of what does not outlive a boot. */
  runtime: string;
  /** Runtime directory of the service manager: `/run` or `$XDG_RUNTIME_DIR`; absent where there is none. */
  managerRuntime?: string;
  /** Store, counters, logs of the spawn backend. */
  state: string;
  /** velosd's own configuration. */
  config: string;
  /** velosd is on another server, and this is how to get there; the rest is then of this machine. */
  remote?: { destination: string; flags: readonly string[] };
}

const isMac = process.platform === "darwin";

/** A UNIX socket's path has to fit into `sun_path` (unix(7)): 108 bytes with the closing zero, 104 on macOS. */
export const SOCKET_PATH_LIMIT = isMac ? 103 : 107;

/**
 * The paths of a scope. `VELOS_HOME` puts everything into one directory: for containers and for tests.
 * @throws VelosError USAGE when the socket's path would be too long for the kernel
 */
export const resolvePaths = (scope: Scope, env: Readonly<Record<string, string | undefined>>): Paths => {
  const paths = choose(scope, env);
  if (Buffer.byteLength(paths.socket) > SOCKET_PATH_LIMIT) {
    throw new VelosError("USAGE", {
      why: `the socket's path ${paths.socket} is longer than the kernel allows (${SOCKET_PATH_LIMIT} bytes)`,
      hint: "set VELOS_HOME or XDG_RUNTIME_DIR to a shorter path",
    });
  }
  return paths;
};

const choose = (scope: Scope, env: Readonly<Record<string, string | undefined>>): Paths => {
  const managerRuntime = scope === "system" ? "/run" : env["XDG_RUNTIME_DIR"];
  const manager = managerRuntime === undefined ? {} : { managerRuntime };
  const home = env["VELOS_HOME"];
  if (home) {
    const runtime = join(home, "run");
    return {
      scope,
      runtime,
      socket: join(runtime, "velosd.sock"),
      ...manager,
      state: home,
      config: join(home, "velos.toml"),
    };
  }
  // The root of macOS is read-only; these are where others keep such things there.
  if (scope === "system" && isMac) {
    const [runtime, state] = ["/var/run/velos", "/Library/Application Support/velos"];
    return { scope, runtime, socket: join(runtime, "velosd.sock"), state, config: "/etc/velos/velos.toml" };
  }
  if (scope === "system") {
    return {
      scope,
      runtime: "/run/velos",
      socket: "/run/velos/velosd.sock",
      ...manager,
      state: "/var/lib/velos",
      config: "/etc/velos/velos.toml",
    };
  }
  const own = env["HOME"] ?? "/";
  const config = join(env["XDG_CONFIG_HOME"] || join(own, ".config"), "velos", "velos.toml");
  if (managerRuntime) {
    const runtime = join(managerRuntime, "velos");
    const state = join(env["XDG_STATE_HOME"] || join(own, ".local", "state"), "velos");
    return { scope, runtime, socket: join(runtime, "velosd.sock"), ...manager, state, config };
  }
  const runtime = join(own, ".velos", "run");
  return { scope, runtime, socket: join(runtime, "velosd.sock"), state: join(own, ".velos"), config };
};
