import type { Connection } from "../../client/connection.ts";
import { VelosError } from "../../domain/errors.ts";
import type { Effect } from "./on-key.ts";
import type { MonitState } from "./state.ts";

/** Has velosd do something; resolves to what is said about it. */
export const perform = async (
  daemon: Connection | undefined,
  effect: Effect & { kind: "act" },
): Promise<NonNullable<MonitState["notice"]>> => {
  const { verb, name } = effect;
  if (!daemon) return { text: `${verb} ${name}: velosd is away`, bad: true };
  try {
    return { text: await request(daemon, effect), bad: false };
  } catch (error) {
    if (!(error instanceof VelosError)) throw error;
    return { text: `${verb} ${name}: ${error.message}${error.hint ? `; ${error.hint}` : ""}`, bad: true };
  }
};

const request = async (daemon: Connection, { verb, name, instances }: Effect & { kind: "act" }): Promise<string> => {
  const selectors = [name];
  switch (verb) {
    case "reload":
      await daemon.call("restart", { selectors, rolling: true });
      return `${name} reloaded`;
    case "restart":
      await daemon.call("restart", { selectors });
      return `${name} restarted`;
    case "stop":
      await daemon.call("stop", { selectors });
      return `${name} stopped`;
    case "start":
      await daemon.call("resume", { selectors });
      return `${name} started`;
    case "scale": {
      const { app } = await daemon.call("scale", { app: name, instances: instances ?? "" });
      return `${name} has ${app.instances} ${app.instances === 1 ? "instance" : "instances"} now`;
    }
  }
};
