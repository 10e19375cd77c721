import { formatListen, movedText } from "../domain/listen.ts";
import type { StartedApp } from "./start-apps.ts";

/** What `velos start` did to an app, in one line. */
export const startOutcome = (started: Outcome): string => `${started.app.name}: ${what(started)}`;

type Outcome = Pick<StartedApp, "app" | "outcome"> & Partial<StartedApp>;

const what = ({ app, outcome, before, spec }: Outcome): string => {
  switch (outcome) {
    case "created":
      return `started ${count(app.instances)}`;
    case "resumed":
      return "started again";
    case "unchanged":
      return "unchanged, it runs as asked";
    case "updated": {
      const done = [];
      if (app.rollout && app.rollout.id !== before?.rollout?.id) done.push("rolled to the new spec");
      // Without a rollout another spec comes to running instances only where the app went down for it.
      else if (before && before.spec !== app.spec) done.push(movedText(spec?.listen.map(formatListen) ?? []));
      if (before && app.instances !== before.instances)
        done.push(`scaled from ${before.instances} to ${app.instances}`);
      return done.length > 0 ? done.join(", ") : "changed in place, no instance was replaced";
    }
  }
};

const count = (instances: number): string => (instances === 1 ? "1 instance" : `${instances} instances`);
