import type { Exit, InstanceStatus } from "./instance.ts";
import { describeExit } from "./instance.ts";
import type { Hold } from "./record.ts";

/** What of an instance tells why it is down. */
export interface Down {
  status: InstanceStatus;
  exit?: Exit;
  hold?: Hold;
}

/** Why an instance that should run does not: a clause for people; undefined when it runs. */
export const whyDown = (instance: Down): string | undefined => {
  const exit = instance.exit ? describeExit(instance.exit) : "no exit known";
  switch (instance.hold?.why) {
    case "command":
      return "stopped with velos stop";
    case "operator":
      return "stopped by an operator, not by velos";
    case "exited":
      return `ended by itself (${exit})`;
    case "failed":
      return `failed (${exit})`;
    case "gave-up":
      return `crashed too often in a row (${exit}); velos gave up`;
    case undefined:
      return instance.status === "waiting" ? `crashed (${exit}), is started again` : undefined;
  }
};
