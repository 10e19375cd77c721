import type { JSX } from "preact";
import { appFilter, choose, chosenName, isOpen, toggle } from "../page.ts";
import { figures, fleet, history, samples } from "../store.ts";
import type { FleetApp } from "../../fleet/fleet.ts";
import { usageOf } from "../../fleet/fleet.ts";
import { ChevronIcon } from "./icons.tsx";
import { InstanceRow } from "./instance-row.tsx";
import { AppStatus } from "./status.tsx";
import { UsageCells } from "./usage-cells.tsx";

/** A minute of samples. */
const SPARK = 60;
/** From here on a field to narrow the list down is worth its place. */
const MANY = 8;

/** The apps that are shown, in order. */
export const shownApps = (): FleetApp[] => {
  const wanted = appFilter.value.trim().toLowerCase();
  const apps = [...fleet.value.apps.values()];
  return wanted === "" ? apps : apps.filter(({ name }) => name.toLowerCase().includes(wanted));
};

/** All apps, with their instances where they are opened. */
export const AppList = (): JSX.Element => {
  const apps = shownApps();
  return (
    <section class="apps" aria-label="Apps">
      {fleet.value.apps.size >= MANY && (
        <input
          type="search"
          class="app-filter"
          placeholder="Filter apps"
          aria-label="Filter apps"
          value={appFilter.value}
          onInput={({ currentTarget }) => (appFilter.value = currentTarget.value)}
        />
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">
              CPU
            </th>
            <th scope="col" class="number">
              Memory
            </th>
            <th scope="col" class="number uptime">
              Uptime
            </th>
            <th scope="col" class="number restarts">
              Restarts
            </th>
            <th scope="col" class="number pid">
              PID
            </th>
            <th scope="col" class="tools">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        {apps.map((app) => (
          <AppRows key={app.name} app={app} />
        ))}
      </table>
      {apps.length === 0 && <p class="nothing">No app has “{appFilter.value}” in its name.</p>}
    </section>
  );
};

const AppRows = ({ app }: { app: FleetApp }): JSX.Element => {
  const open = isOpen(app.name);
  const isChosen = chosenName.value === app.name;
  const { cpuPercent, memoryBytes } = usageOf(app, figures.value);
  const names = app.processes.map(({ name }) => name);
  const restarts = app.processes.reduce((sum, one) => sum + (figures.value[one.name]?.restarts ?? one.restarts), 0);
  void samples.value;
  return (
    <tbody class={isChosen ? "chosen" : ""}>
      <tr class="app" onClick={() => choose(app.name)}>
        <th scope="rowgroup" class="name">
          <button
            type="button"
            class="quiet twist"
            aria-expanded={open}
            aria-label={`Instances of ${app.name}`}
            onClick={(event) => {
              event.stopPropagation();
              toggle(app.name);
            }}
          >
            <ChevronIcon />
          </button>
          <button type="button" class="link" title={app.name} aria-pressed={isChosen}>
            {app.name}
          </button>
        </th>
        <td>
          <AppStatus app={app} />
        </td>
        <UsageCells
          cpuPercent={cpuPercent}
          memoryBytes={memoryBytes}
          cpu={history.sum(names, "cpuPercent", SPARK)}
          memory={history.sum(names, "memoryBytes", SPARK)}
        />
        <td class="uptime" />
        <td class="number restarts">{restarts}</td>
        <td class="pid" />
        <td class="tools" />
      </tr>
      {open && app.processes.map((instance) => <InstanceRow key={instance.index} instance={instance} />)}
    </tbody>
  );
};
