import type { Result } from "../api/operations.ts";
import type { AppView } from "../controller/views.ts";

/** What `velos start` did to an app, in one line. `before` is the app as it was, if it was there. */
export const startOutcome = (app: AppView, outcome: Result<"start">["outcome"], before: AppView | undefined): string =>
  `${app.name}: ${what(app, outcome, before)}`;

const what = (app: AppView, outcome: Result<"start">["outcome"], before: AppView | undefined): string => {
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
      if (before && app.instances !== before.instances)
        done.push(`scaled from ${before.instances} to ${app.instances}`);
      return done.length > 0 ? done.join(", ") : "changed in place, no instance was replaced";
    }
  }
};

const count = (instances: number): string => (instances === 1 ? "1 instance" : `${instances} instances`);
