import type { ClientMessage, PushMessage } from "../../api/push-messages.ts";
import { backoffMs } from "./backoff.ts";
import { ask, Problem } from "./rest.ts";
import { storedToken } from "./token.ts";

/** How the connection to `velos api` stands. */
export type LinkState =
  | { kind: "connecting" }
  | { kind: "open" }
  /** Lost; another attempt at that time of this machine's clock. */
  | { kind: "lost"; retryAt: number; why: string }
  /** It wants a token, or another one. */
  | { kind: "token"; refused: boolean }
  /** It does not want this client at all. */
  | { kind: "forbidden"; why: string; hint: string | undefined };

interface Options {
  onMessage: (message: PushMessage) => void;
  onState: (state: LinkState) => void;
  /** Where to go on, if anything was seen. */
  position: () => { session: string; seq: number } | undefined;
}

/** Metrics come every second: after this long without anything the connection is asked whether it still is one. */
const SILENCE_MS = 8_000;
/** How long is waited for the reason of a refusal, before the next attempt. */
const REFUSAL_TIMEOUT_MS = 5_000;

/** The connection to `/ws`, which comes back by itself. */
export class PushLink {
  readonly #options: Options;
  #socket: WebSocket | undefined;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #asked = false;

  constructor(options: Options) {
    this.#options = options;
    addEventListener("online", () => this.retryNow());
  }

  /** Connects, unless it is connected or about to be. */
  connect(): void {
    clearTimeout(this.#retry);
    if (this.#socket) return;
    this.#options.onState({ kind: "connecting" });
    const token = storedToken();
    // The query of a WebSocket ends in logs; its protocol does not.
    const protocols = token === undefined ? ["velos.v1"] : ["velos.v1", `velos.bearer.${base64Url(token)}`];
    const socket = new WebSocket(this.#url(), protocols);
    this.#socket = socket;
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      this.#failures = 0;
      this.#options.onState({ kind: "open" });
      this.#listen();
    });
    socket.addEventListener("message", ({ data }) => {
      // Of one that was given up: what it says now, the next one says too.
      if (this.#socket !== socket) return;
      this.#listen();
      this.#options.onMessage(JSON.parse(data as string) as PushMessage);
    });
    socket.addEventListener("close", (event) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      clearTimeout(this.#watchdog);
      void this.#lost(opened, event);
    });
  }

  /** Does not wait for the next attempt. */
  retryNow(): void {
    if (this.#retry === undefined) return;
    this.#retry = undefined;
    this.connect();
  }

  /** Sends, if there is a connection; what has to be known to the next one too is sent when that says hello. */
  send(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #url(): URL {
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const position = this.#options.position();
    if (position) {
      url.searchParams.set("session", position.session);
      url.searchParams.set("seq", String(position.seq));
    }
    return url;
  }

  /** Anything that is heard puts it off: a ping after a silence, and the end when that is not answered either. */
  #listen(): void {
    this.#asked = false;
    clearTimeout(this.#watchdog);
    const check = (): void => {
      if (this.#asked) return this.#giveUp();
      this.#asked = true;
      this.send({ ping: true });
      this.#watchdog = setTimeout(check, SILENCE_MS);
    };
    this.#watchdog = setTimeout(check, SILENCE_MS);
  }

  /** A connection over which nothing comes is left behind: its own end may take minutes. */
  #giveUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    void this.#lost(true, { code: 1006, reason: "nothing came over it any more" });
  }

  async #lost(opened: boolean, { code, reason }: Pick<CloseEvent, "code" | "reason">): Promise<void> {
    // A handshake that is refused tells a browser nothing: the same question by HTTP says why.
    const refusal = opened && code !== 1008 ? undefined : await whyRefused();
    if (this.#socket) return;
    if (refusal?.status === 401) {
      return this.#options.onState({ kind: "token", refused: storedToken() !== undefined });
    }
    if (refusal?.status === 403) {
      return this.#options.onState({ kind: "forbidden", why: refusal.message, hint: refusal.hint });
    }
    const waitMs = backoffMs(++this.#failures, Math.random());
    const why = reason || refusal?.message || "the connection was lost";
    this.#options.onState({ kind: "lost", retryAt: Date.now() + waitMs, why });
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.retryNow(), waitMs);
  }
}

/** Of a text in UTF-8, with the letters that a protocol may have. */
const base64Url = (text: string): string =>
  btoa(String.fromCodePoint(...new TextEncoder().encode(text)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** What the API says of this client; undefined when it would be served. */
const whyRefused = async (): Promise<Problem | undefined> => {
  try {
    await ask("GET", "api/processes?flat=1", undefined, REFUSAL_TIMEOUT_MS);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
};
