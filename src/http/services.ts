import type { Scope } from "../config/paths.ts";
import type { ResolveContext } from "../config/resolve.ts";
import type { Fleet } from "./fleet.ts";
import type { LogLimits } from "./log-limits.ts";
import type { Followers } from "./push/followers.ts";
import type { Samples } from "./samples.ts";
import type { Velosd } from "./velosd.ts";

/** What routes work with. */
export interface Services {
  velosd: Velosd;
  fleet: Fleet;
  samples: Samples;
  followers: Followers;
  logLimits: LogLimits;
  version: string;
  scope: Scope;
  /** Who starts apps, and where their relative paths begin. */
  resolve: ResolveContext;
  cwd: string;
  /** Agents get only the tools that change nothing. */
  readOnlyTools: boolean;
}
