import type { AppSpec, RolloutSettings } from "../../src/domain/app.ts";
import { rolloutDefaults, specDefaults } from "../../src/domain/app.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import type { Rollout } from "../../src/domain/rollout.ts";

type SpecChanges = Partial<Omit<AppSpec, "rollout">> & { rollout?: Partial<RolloutSettings> };

/** A spec in which everything is as `velos start server.js --name api` leaves it, but for what the test is about. */
export const specOf = ({ rollout, ...changes }: SpecChanges = {}): AppSpec => ({
  name: "api",
  program: "/usr/bin/node",
  args: ["/srv/server.js"],
  script: "/srv/server.js",
  interpreter: "node",
  cwd: "/srv",
  env: { PATH: "/usr/bin" },
  secretEnv: {},
  stopExitCodes: [],
  listen: [],
  watch: [],
  watchIgnore: [],
  systemd: {},
  ...specDefaults,
  ...changes,
  rollout: { ...rolloutDefaults, ...rollout },
});

/** An app that runs with as many instances as given. */
export const recordOf = (instances: number, changes: Partial<AppRecord> = {}): AppRecord => ({
  spec: specOf(),
  instances,
  running: true,
  deleting: false,
  holds: {},
  created: { epoch: "life", indexes: [] },
  createdAt: 0,
  updatedAt: 0,
  ...changes,
});

/** A rollout of the indexes 0 … count − 1, whose runs are `old-0`, `old-1` … */
export const rolloutOf = (kind: Rollout["kind"], count: number, changes: Partial<Rollout> = {}): Rollout => ({
  id: "r1",
  kind,
  status: "running",
  reason: "manual",
  from: Object.fromEntries(Array.from({ length: count }, (_, index) => [index, `old-${index}`])),
  startedAt: 100_000,
  ...changes,
});

/** An instance that has been online since the time 0, on its first run `old-<index>`. */
export const onlineOf = (index: number, print: string, changes: Partial<ObservedInstance> = {}): ObservedInstance => ({
  index,
  status: "online",
  unit: `velos-api@${index}.service`,
  fingerprint: print,
  run: `old-${index}`,
  restarts: 0,
  startedAt: 0,
  onlineAt: 0,
  ...changes,
});

/** True for the apps of the stories (all Node's) that say when they are ready. */
export const saysReady = ({ waitReady, listen }: AppSpec): boolean => waitReady || listen.length > 0;
