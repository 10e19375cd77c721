import type { JSX } from "preact";
import { formatSpan } from "../../domain/units.ts";
import type { RolloutProgress } from "../../api/push-messages.ts";
import { actOnRollout } from "../actions.ts";
import { mayOperate, now } from "../store.ts";
import type { FleetApp } from "../../fleet/fleet.ts";
import { isUnderWay, phaseOf } from "../../fleet/phase.ts";

/** How long the last rollout stays in sight after it went well. */
const SHOWN_MS = 15 * 60_000;

const words: Readonly<Record<RolloutProgress["rollout"]["status"], string>> = {
  running: "under way",
  paused: "paused",
  done: "done",
  stalled: "stopped at a failure",
  reverted: "failed and taken back",
  superseded: "overtaken by another command",
};

/** A rollout: how far it is, and where each instance stands in it. */
export const RolloutView = ({ app, progress }: { app: FleetApp; progress: RolloutProgress }): JSX.Element | null => {
  const { rollout, replaced, total } = progress;
  const active = isUnderWay(progress);
  const isGood = rollout.status === "done" || rollout.status === "superseded";
  const endedAt = rollout.endedAt;
  if (isGood && endedAt !== undefined && now.value - endedAt > SHOWN_MS) return null;
  const took = (endedAt ?? Math.max(now.value, rollout.startedAt)) - rollout.startedAt;
  return (
    <section class={`rollout ${rollout.status}`} aria-label="Rollout">
      <p>
        <strong>{rollout.kind}</strong> {words[rollout.status]}
        {active ? `, ${replaced} of ${total} replaced` : ""} · {formatSpan(took)}
        {rollout.reason !== "manual" && rollout.reason !== "rollout" && ` · by ${rollout.reason}`}
      </p>
      {active && (
        <>
          <progress value={replaced} max={Math.max(1, total)} aria-label="Instances replaced" />
          <ul class="phases">
            {app.processes.map((instance) => {
              const phase = phaseOf(instance, progress);
              return (
                <li key={instance.index} class={phase} title={`${instance.name}: ${phase}`}>
                  <b>{instance.index}</b> {phase === "before" ? "waits" : phase}
                </li>
              );
            })}
          </ul>
        </>
      )}
      {rollout.failure && (
        <p class="failure">
          {app.name}:{rollout.failure.index}: {rollout.failure.why}
        </p>
      )}
      {(active || rollout.status === "stalled") && (
        <div class="actions" role="group" aria-label="Actions on the rollout">
          {active && (
            <button
              type="button"
              disabled={!mayOperate.value}
              onClick={() => void actOnRollout(rollout.status === "paused" ? "resume" : "pause", app.name)}
            >
              {rollout.status === "paused" ? "resume" : "pause"}
            </button>
          )}
          {rollout.kind === "update" && (
            <button type="button" disabled={!mayOperate.value} onClick={() => void actOnRollout("undo", app.name)}>
              undo
            </button>
          )}
        </div>
      )}
    </section>
  );
};
