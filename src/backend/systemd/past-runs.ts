import { setTimeout as delay } from "node:timers/promises";
import type { Exit, ObservedInstance } from "../../domain/instance.ts";
import type { MissedInstance, Scope } from "../backend.ts";
import type { Entry } from "./journalctl.ts";
import { journalEntries, textOf } from "./journalctl.ts";
import { instanceUnit } from "./names.ts";
import { signalName } from "./properties.ts";

/** Messages of the service manager that tell of a run; their ids are those of sd-messages.h and never change. */
const STARTED = "39f53479d3a045ac8e11786248231fbf";
const PROCESS_EXITED = "98e322203f7a4ed290d09fe03c09fe15";
const FAILED = "d9b373ed55a64feb8242e02dbe79a49c";
const RESTART_SCHEDULED = "5eb03494b6584870a536b337290809b3";

/** How many messages are looked at for one instance, and in all: a crash loop of days is not counted out. */
const MAX_EACH = 400;
const MAX_ALL = 20_000;

/** How long the journal may take. Without it the ends are counted all the same, only not told apart. */
const PATIENCE_MS = 1000;

/** The journal is a moment behind the manager, on a busy machine a long one: how often is looked again, and how soon. */
const ATTEMPTS = 8;
const ATTEMPT_MS = 50;

/** A run, as the manager's messages tell of it. */
interface PastRun {
  startedMs?: number;
  exit?: Exit;
  /** The manager's count of restarts after its end. */
  restarts?: number;
}

/**
 * What instances were at each end of a run that nobody saw, oldest first: as if somebody had looked just after it. From
 * the manager's messages in the journal; an instance of which they tell nothing is left out.
 */
export const pastLooks = async (
  missed: readonly MissedInstance[],
  scope: Scope,
): Promise<Map<MissedInstance, ObservedInstance[]>> => {
  let looks = new Map<MissedInstance, ObservedInstance[]>();
  if (missed.length === 0) return looks;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await delay(ATTEMPT_MS, undefined, { signal: patience });
      looks = await readLooks(missed, scope, patience);
      if (missed.every((one) => looks.get(one)?.at(-1)?.restarts === one.instance.restarts - 1)) break;
    }
  } catch {
    // No journal, or not for us to read; or out of patience.
  }
  return looks;
};

const readLooks = async (
  missed: readonly MissedInstance[],
  scope: Scope,
  signal: AbortSignal,
): Promise<Map<MissedInstance, ObservedInstance[]>> => {
  const [unitField, runField] = scope === "user" ? ["USER_UNIT", "USER_INVOCATION_ID"] : ["UNIT", "INVOCATION_ID"];
  const units = missed.map(({ app, instance }) => instanceUnit(app, instance.index));
  const args = [
    "--reverse",
    `--lines=${Math.min(MAX_ALL, MAX_EACH * missed.length)}`,
    ...[STARTED, PROCESS_EXITED, FAILED, RESTART_SCHEDULED].map((id) => `MESSAGE_ID=${id}`),
    // What others than the manager say of a unit counts for nothing.
    `_UID=${scope === "user" ? (process.getuid?.() ?? 0) : 0}`,
    ...units.map((unit) => `${unitField}=${unit}`),
  ];
  const fields = `MESSAGE_ID,EXIT_CODE,EXIT_STATUS,UNIT_RESULT,N_RESTARTS,_SOURCE_REALTIME_TIMESTAMP,${unitField},${runField}`;
  const byUnit = new Map(units.map((unit) => [unit, [] as Entry[]]));
  for await (const entry of journalEntries(fields, args, signal)) byUnit.get(textOf(entry[unitField]))?.push(entry);
  const looks = new Map<MissedInstance, ObservedInstance[]>();
  for (const one of missed) {
    const entries = byUnit.get(instanceUnit(one.app, one.instance.index))!.reverse();
    const found = looksOf(one, runsOf(entries, runField));
    if (found.length > 0) looks.set(one, found);
  }
  return looks;
};

/** The runs, in the order in which they were first told of. */
const runsOf = (entries: readonly Entry[], runField: string): Map<string, PastRun> => {
  const runs = new Map<string, PastRun>();
  for (const entry of entries) {
    const id = textOf(entry[runField]);
    if (id === "") continue;
    const run = runs.get(id) ?? {};
    runs.set(id, run);
    const at = Math.floor(
      Number(textOf(entry["_SOURCE_REALTIME_TIMESTAMP"]) || textOf(entry["__REALTIME_TIMESTAMP"])) / 1000,
    );
    switch (textOf(entry["MESSAGE_ID"])) {
      case STARTED:
        run.startedMs = at;
        break;
      case PROCESS_EXITED:
        run.exit = { ...run.exit, at, ...howEnded(entry) };
        break;
      case FAILED:
        run.exit = { at, ...run.exit, result: textOf(entry["UNIT_RESULT"]) };
        break;
      case RESTART_SCHEDULED:
        run.restarts = Number(textOf(entry["N_RESTARTS"]));
        // The manager says nothing of a process that ended well.
        run.exit ??= { at, code: 0 };
        break;
    }
  }
  return runs;
};

/** EXIT_CODE is `exited`, `killed` or `dumped`; EXIT_STATUS the code, or the number of the signal. */
const howEnded = (entry: Entry): Pick<Exit, "code" | "signal"> => {
  const status = Number(textOf(entry["EXIT_STATUS"]));
  return textOf(entry["EXIT_CODE"]) === "exited" ? { code: status } : { signal: signalName(status) };
};

const looksOf = (missed: MissedInstance, runs: ReadonlyMap<string, PastRun>): ObservedInstance[] => {
  const { instance, knownRun, knownRestarts, knownEnded } = missed;
  const ids = [...runs.keys()];
  const now = ids.indexOf(instance.run);
  // Where the journal does not reach back to the run that was known: what it has.
  const ended = ids.slice(Math.max(0, ids.indexOf(knownRun)), now < 0 ? ids.length : now);
  return ended.flatMap((id): ObservedInstance[] => {
    const { exit, startedMs, restarts } = runs.get(id)!;
    // One that was stopped and started by hand ended for nobody's fault, and the manager began to count anew.
    if (exit === undefined || restarts === undefined) return [];
    if (restarts <= knownRestarts || restarts > instance.restarts) return [];
    if (id === knownRun && knownEnded) return [];
    const ranMs = startedMs === undefined ? undefined : Math.max(0, exit.at - startedMs);
    const { index, unit, fingerprint } = instance;
    return [
      {
        index,
        unit,
        fingerprint,
        status: "waiting",
        run: id,
        restarts: restarts - 1,
        exit: { ...exit, ...(ranMs !== undefined && { ranMs }) },
        ...(startedMs !== undefined && { startedAt: startedMs }),
      },
    ];
  });
};
