import type { Attributes } from "@opentelemetry/api";
import type { CommandType, Observer } from "../controller/observer.ts";
import type { AppRecord } from "../domain/record.ts";
import { appAttributes, failureOf } from "./attributes.ts";
import type { Outbox } from "./outbox.ts";
import type { Place } from "./place.ts";
import { newPlace } from "./place.ts";

interface OpenCommand {
  place: Place;
  attributes: Attributes;
}

/** Commands on a whole app, `velos.app.scale` and its like: what velosd does meanwhile on the app is part of them. */
export class CommandSpans {
  readonly #outbox: Outbox;
  /** The latest of each app: an earlier one is mostly superseded by it. */
  readonly #open = new Map<string, OpenCommand>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  begin(app: string, type: CommandType, from: number): ReturnType<Observer["command"]> {
    const command: OpenCommand = { place: newPlace(), attributes: appAttributes(app) };
    this.#open.set(app, command);
    return ({ at, error }) => {
      if (this.#open.get(app) === command) this.#open.delete(app);
      const failure = error === undefined ? undefined : failureOf(error);
      this.#outbox.add({
        name: `velos.app.${type}`,
        place: command.place,
        from,
        to: at,
        attributes: { ...command.attributes, ...(failure && { "error.type": failure.type }) },
        error: failure?.message,
      });
    };
  }

  /** The command under way on an app. */
  of(app: string): Place | undefined {
    return this.#open.get(app)?.place;
  }

  /** Notes in the command under way what it did to the size of the app. */
  changed(before: AppRecord, after: AppRecord): void {
    const command = this.#open.get(after.spec.name);
    if (!command || before.instances === after.instances) return;
    command.attributes["velos.app.instances.before"] ??= before.instances;
    command.attributes["velos.app.instances"] = after.instances;
  }
}
