import { EventEmitter } from "node:events";
import type { InstanceStatus } from "../domain/instance.ts";
import type { RolloutFailure, RolloutStatus } from "../domain/rollout.ts";

/** What velosd tells its subscribers. Everything else is found by looking. */
export type VelosEvent =
  | {
      type: "instance";
      app: string;
      index: number;
      status: InstanceStatus | "absent";
      previous: InstanceStatus | "absent";
      pid?: number;
      at: number;
    }
  | { type: "app"; app: string; change: "created" | "updated" | "deleted"; at: number }
  | { type: "rollout"; app: string; id: string; status: RolloutStatus; failure?: RolloutFailure; at: number };

/** The controller's announcements, in process. */
export class Events {
  #emitter = new EventEmitter().setMaxListeners(0);

  emit(event: VelosEvent): void {
    this.#emitter.emit("event", event);
  }

  /** Returns a function that ends the subscription. */
  subscribe(listener: (event: VelosEvent) => void): () => void {
    this.#emitter.on("event", listener);
    return () => this.#emitter.off("event", listener);
  }
}
