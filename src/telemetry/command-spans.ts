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
  end: ReturnType<Observer["command"]>;
}

/** Commands on a whole app, `velos.app.scale` and its like: what velosd does meanwhile on the app is part of them. */
export class CommandSpans {
  readonly #outbox: Outbox;
  /** The latest of each app: an earlier one is mostly superseded by it. */
  readonly #latest = new Map<string, OpenCommand>();
  readonly #open = new Set<OpenCommand>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  begin(app: string, type: CommandType, from: number): ReturnType<Observer["command"]> {
    const end: OpenCommand["end"] = ({ at, error }) => {
      if (!this.#open.delete(command)) return;
      if (this.#latest.get(app) === command) this.#latest.delete(app);
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
    const command: OpenCommand = { place: newPlace(), attributes: appAttributes(app), end };
    this.#open.add(command);
    this.#latest.set(app, command);
    return end;
  }

  /** Ends what is under way: velosd leaves, and the command with it. */
  close(at: number): void {
    for (const { attributes, end } of [...this.#open]) {
      attributes["velos.interrupted"] = true;
      end({ at });
    }
  }

  /** The command under way on an app. */
  of(app: string): Place | undefined {
    return this.#latest.get(app)?.place;
  }

  /** Notes in the command under way what it did to the size of the app. */
  changed(before: AppRecord, after: AppRecord): void {
    const command = this.#latest.get(after.spec.name);
    if (!command || before.instances === after.instances) return;
    command.attributes["velos.app.instances.before"] ??= before.instances;
    command.attributes["velos.app.instances"] = after.instances;
  }
}
