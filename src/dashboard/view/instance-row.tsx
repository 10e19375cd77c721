import type { JSX } from "preact";
import { formatSpan } from "../../domain/units.ts";
import type { Verb } from "../actions.ts";
import { underWay } from "../actions.ts";
import { choose, dialog, logIndex } from "../page.ts";
import { figures, history, mayOperate, now, samples } from "../store.ts";
import type { Instance } from "../../fleet/fleet.ts";
import { troubleOf } from "../../fleet/fleet.ts";
import { RestartIcon, StartIcon, StopIcon } from "./icons.tsx";
import { InstanceStatus } from "./status.tsx";
import { UsageCells } from "./usage-cells.tsx";
import { useVisible } from "./use-visible.ts";

const SPARK = 60;

/** One instance; below it, when it is down, why. */
export const InstanceRow = ({ instance }: { instance: Instance }): JSX.Element => {
  const { name, app, index, status, pid, startedAt } = instance;
  const { ref, isVisible } = useVisible<HTMLTableRowElement>();
  const usage = (isVisible ? figures.value : figures.peek())[name];
  const time = isVisible ? now.value : now.peek();
  const runs = pid !== undefined;
  const trouble = troubleOf(instance);
  if (isVisible) void samples.value;
  return (
    <>
      <tr class="instance" ref={ref}>
        <th scope="row" class="name">
          <button
            type="button"
            class="link"
            title={`The log of ${name}`}
            onClick={() => {
              choose(app);
              logIndex.value = index;
            }}
          >
            <span class={`index hue-${index % 8}`}>{index}</span>
            <span class="unseen">{name}</span>
          </button>
        </th>
        <td>
          <InstanceStatus instance={instance} />
        </td>
        <UsageCells
          cpuPercent={runs ? (usage?.cpuPercent ?? instance.cpuPercent) : undefined}
          memoryBytes={runs ? (usage?.memoryBytes ?? instance.memoryBytes) : undefined}
          cpu={isVisible ? history.series(name, "cpuPercent", SPARK) : []}
          memory={isVisible ? history.series(name, "memoryBytes", SPARK) : []}
        />
        <td class="number uptime">
          {status === "online" && startedAt !== undefined ? formatSpan(Math.max(1000, time - startedAt)) : "–"}
        </td>
        <td class="number restarts">{Math.max(usage?.restarts ?? 0, instance.restarts)}</td>
        <td class="number pid">{pid ?? "–"}</td>
        <td class="tools">
          <Tool verb="restart" name={name} />
          <Tool verb={status === "stopped" || status === "errored" ? "start" : "stop"} name={name} />
        </td>
      </tr>
      {trouble && (
        <tr class={`reason ${trouble.kind}`}>
          <td colSpan={8}>{trouble.why}</td>
        </tr>
      )}
    </>
  );
};

const icons = { restart: RestartIcon, start: StartIcon, stop: StopIcon };

const Tool = ({ verb, name }: { verb: Verb & keyof typeof icons; name: string }): JSX.Element => {
  const Icon = icons[verb];
  return (
    <button
      type="button"
      class="quiet"
      disabled={!mayOperate.value || underWay.value.has(`${verb} ${name}`)}
      aria-label={`${verb} ${name}`}
      title={`${verb} ${name}`}
      onClick={() => (dialog.value = { kind: "confirm", verb, name })}
    >
      <Icon />
    </button>
  );
};
