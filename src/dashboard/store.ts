import { batch, computed, signal } from "@preact/signals";
import type { InstanceMetrics, MessageOf, PushMessage } from "../api/push-messages.ts";
import type { LinkState } from "./link/push-link.ts";
import { PushLink } from "./link/push-link.ts";
import { storeToken } from "./link/token.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { applyChange, emptyFleet, healthOf } from "../fleet/fleet.ts";
import { History } from "../fleet/history.ts";
import { LogFollower } from "./log-follower.ts";

/** A quarter of an hour of samples, one a second. */
const HISTORY_SAMPLES = 15 * 60;

type Hello = MessageOf<"hello">;

/** What the page shows of the server. Changed here and nowhere else. */
export const fleet = signal<Fleet>(emptyFleet);
/** False while velos api has no velosd: then the fleet is what was known last. */
export const hasVelosd = signal(true);
/** Number of the last message that was numbered; for resuming. */
let lastSeq: number | undefined;
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
export const isLive = computed(() => link.value.kind === "open" && fleet.value.known && hasVelosd.value);
export const mayOperate = computed(() => isLive.value && (hello.value?.access ?? "read") !== "read");

const pushLink = new PushLink({
  onMessage: (message) => batch(() => take(message)),
  onState: (state) => {
    link.value = state;
  },
  position: () => {
    const session = hello.peek()?.session;
    return session === undefined || lastSeq === undefined ? undefined : { session, seq: lastSeq };
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
    case "pong":
      return;
    case "velosd":
      lastSeq = message.seq;
      hasVelosd.value = message.connected;
      return;
    case "snapshot":
    case "instance":
    case "app":
    case "rollout":
      if (message.type === "snapshot") hasVelosd.value = message.connected;
      lastSeq = message.seq;
      fleet.value = applyChange(fleet.value, message);
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

/** Connects, after the server has refused to be connected to. */
export const connectAgain = (): void => pushLink.connect();

/** Connects with a token that was typed in. */
export const useToken = (token: string): void => {
  storeToken(token);
  pushLink.connect();
};
