import type { JSX } from "preact";
import { isUnderWay } from "../../fleet/phase.ts";
import type { FleetApp, Instance } from "../../fleet/fleet.ts";

type Tone = "good" | "busy" | "bad" | "off";

const tones: Readonly<Record<Instance["status"], Tone>> = {
  online: "good",
  starting: "busy",
  stopping: "busy",
  waiting: "busy",
  errored: "bad",
  stopped: "off",
};

/** A status: a shape, a word, and a colour, in this order of importance. */
export const Status = ({ tone, children }: { tone: Tone; children: string }): JSX.Element => (
  <span class={`status ${tone}`}>{children}</span>
);

export const InstanceStatus = ({ instance }: { instance: Instance }): JSX.Element => (
  <Status tone={tones[instance.status]}>{instance.status}</Status>
);

/** What becomes of an app as a whole. */
export const AppStatus = ({ app }: { app: FleetApp }): JSX.Element => {
  const { processes, online, instances, rollout } = app;
  if (isUnderWay(rollout)) {
    const { kind, status } = rollout.rollout;
    return (
      <Status tone="busy">{`${status === "paused" ? "paused" : kind} ${rollout.replaced}/${rollout.total}`}</Status>
    );
  }
  if (processes.some(({ status }) => status === "errored")) {
    return <Status tone="bad">{`${online} of ${instances}`}</Status>;
  }
  if (!app.running && online === 0) return <Status tone="off">stopped</Status>;
  if (online >= instances) return <Status tone="good">{instances === 1 ? "online" : `${online} online`}</Status>;
  const settled = processes.every(({ status }) => status === "online" || status === "stopped");
  return <Status tone={settled ? "off" : "busy"}>{`${online} of ${instances}`}</Status>;
};
