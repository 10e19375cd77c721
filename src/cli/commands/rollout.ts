import { Command, Option } from "clipanion";
import type { Connection } from "../../client/connection.ts";
import { VelosError } from "../../domain/errors.ts";
import { rolloutText } from "../render/rollout.ts";
import { VelosCommand } from "../velos-command.ts";

const ACTIONS = { pause: "pauseRollout", resume: "resumeRollout", undo: "undoRollout" } as const;

export class RolloutCommand extends VelosCommand {
  static override paths = [["rollout"]];
  static override usage = Command.Usage({
    description: "look at a rollout, hold it, go on with it, or undo it",
    details:
      "pause: who is out comes back, nobody else goes. resume: goes on, also after a failure. undo: back to the spec from\nbefore, as a rollout. status --watch tells each step until it ends.",
    examples: [
      ["how far it is", "velos rollout status api"],
      ["back to the last version", "velos rollout undo api"],
    ],
  });

  watch = Option.Boolean("-w,--watch", false, { description: "tell each step until the rollout ends" });
  action = Option.String({ name: "status|pause|resume|undo" });
  app = Option.String({ name: "app" });

  override async execute(): Promise<number> {
    const { action } = this;
    if (action !== "status" && !Object.hasOwn(ACTIONS, action)) {
      throw new VelosError("USAGE", {
        why: `'${action}' is not something to do with a rollout`,
        hint: "status, pause, resume or undo",
      });
    }
    return this.withDaemon(async (daemon) => {
      if (action !== "status") await daemon.call(ACTIONS[action as keyof typeof ACTIONS], { app: this.app });
      if (this.watch) await this.#follow(daemon);
      const { app, rollout } = await daemon.call("rollout", { app: this.app });
      if (this.json) this.printJson({ app, rollout: rollout ?? null });
      else this.print(rolloutText(app, rollout, this.style, this.width));
      return rollout?.failure && rollout.status !== "running" && rollout.status !== "paused" ? 1 : 0;
    });
  }

  async #follow(daemon: Connection): Promise<void> {
    const events = daemon.stream("watch", {});
    // Asked for before the question: a rollout that ends after the answer is told of.
    const first = events.next();
    first.catch(() => {});
    const { rollout } = await daemon.call("rollout", { app: this.app });
    if (rollout?.status !== "running" && rollout?.status !== "paused") return;
    for (let next = await first; !next.done; next = await events.next()) {
      const event = next.value;
      if (event.app !== this.app) continue;
      if (event.type === "instance" && !this.json)
        this.print(`${event.app}:${event.index} ${event.status === "absent" ? "gone" : event.status}`);
      if (event.type === "rollout" && event.status !== "running" && event.status !== "paused") return;
    }
  }
}
