import { batch, computed, signal } from "@preact/signals";
import type { InstanceMetrics, MessageOf, PushMessage } from "../api/push-messages.ts";
import type { LinkState } from "./link/push-link.ts";
import { PushLink } from "./link/push-link.ts";
import { storeToken } from "./link/token.ts";
import type { Fleet } from "./state/fleet.ts";
import { applyMessage, emptyFleet, healthOf } from "./state/fleet.ts";
import { History } from "./state/history.ts";
import { LogFollower } from "./log-follower.ts";

/** A quarter of an hour of samples, one a second. */
const HISTORY_SAMPLES = 15 * 60;

type Hello = MessageOf<"hello">;

/** What the page shows of the server. Changed here and nowhere else. */
export const fleet = signal<Fleet>(emptyFleet);
export const link = signal<LinkState>({ kind: "connecting" });
export const hello = signal<Hello | undefined>(undefined);
export const figures = signal<Readonly<Record<string, InstanceMetrics>>>({});
export const history = new History(HISTORY_SAMPLES);
/** Grows with each sample of the history, which is changed in place. */
export const samples = signal(0);
/** The server's clock minus this machine's, in milliseconds. */
const clockOffset = signal(0);
/** The server's time, moving once a second. */
export const now = signal(Date.now());

export const health = computed(() => healthOf(fleet.value));
/** Somebody answers, and velosd is there: what is shown is so, and buttons do something. */
export const isLive = computed(() => link.value.kind === "open" && fleet.value.known && fleet.value.connected);
export const mayOperate = computed(() => isLive.value && (hello.value?.access ?? "read") !== "read");

const pushLink = new PushLink({
  onMessage: (message) => batch(() => take(message)),
  onState: (state) => {
    link.value = state;
  },
  position: () => {
    const session = hello.peek()?.session;
    const { seq } = fleet.peek();
    return session === undefined || seq === undefined ? undefined : { session, seq };
  },
});

/** The log that is followed. */
export const logs = new LogFollower((message) => pushLink.send(message));

const take = (message: PushMessage): void => {
  switch (message.type) {
    case "hello":
      clockOffset.value = message.at - Date.now();
      hello.value = message;
      logs.reopen();
      return;
    case "metrics":
      figures.value = message.instances;
      history.add(message.at, message.instances);
      samples.value++;
      return;
    case "log":
    case "skipped":
    case "error":
    case "subscribed":
      logs.take(message);
      return;
    default:
      fleet.value = applyMessage(fleet.value, message);
  }
};

/** Begins: connects, and lets the clock go. */
export const begin = (): void => {
  pushLink.connect();
  setInterval(() => {
    now.value = Date.now() + clockOffset.peek();
  }, 1000);
};

/** Does not wait for the next attempt to connect. */
export const retryNow = (): void => pushLink.retryNow();

/** Connects with a token that was typed in. */
export const useToken = (token: string): void => {
  storeToken(token);
  pushLink.connect();
};
