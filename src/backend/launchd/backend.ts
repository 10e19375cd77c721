import type { BackendName, Facility, Scope } from "../backend.ts";
import type { SpawnBackendOptions } from "../spawn/backend.ts";
import { SpawnBackend } from "../spawn/backend.ts";
import { launchdFacilities } from "./facilities.ts";
import { Jobs } from "./jobs.ts";
import { Launchctl } from "./launchctl.ts";

export interface LaunchdBackendOptions extends Omit<SpawnBackendOptions, "launcher"> {
  scope: Scope;
  /** Whose jobs they are. */
  uid: number;
}

/**
 * Runs instances as jobs of launchd, one for each run. launchd starts and reaps their processes and remembers how they
 * ended, so that nothing of that depends on velosd; when and whether there is a next run is decided as under spawn, by
 * velosd, which launchd keeps running.
 *
 * Instances that share listening sockets are children of the keeper and not jobs: launchd hands a socket over only to
 * who calls launch_activate_socket(3), and never one to several jobs.
 */
export class LaunchdBackend extends SpawnBackend {
  override readonly name: BackendName = "launchd";

  constructor({ scope, uid, ...options }: LaunchdBackendOptions) {
    const { stateDir, report = () => undefined } = options;
    const launchctl = new Launchctl();
    super({ ...options, launcher: (adopted) => new Jobs({ launchctl, scope, uid, stateDir, adopted, report }) });
  }

  override async facilities(): Promise<Facility[]> {
    return launchdFacilities(await super.facilities());
  }
}
