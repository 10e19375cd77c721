import type { ListenAddress } from "../../../domain/listen.ts";
import type { ProcessEnd } from "../execute.ts";
import type { LaunchOrder } from "../order.ts";

/**
 * What velosd and its keeper say to each other: lines of JSON on a UNIX socket. A keeper is older than the velosd that
 * talks to it whenever velos was upgraded meanwhile, so this only ever grows; `version` is what it could not do without.
 */
export const PROTOCOL = 1;

/** A process that the keeper has started and whose end it has not been told to forget. */
export interface KeptRun {
  run: string;
  pid: number;
  startTime: string;
  /** Absent: it runs. */
  end?: ProcessEnd;
}

/** What a keeper holds. */
export interface Holdings {
  version: number;
  pid: number;
  apps: { app: string; listen: ListenAddress[] }[];
  runs: KeptRun[];
}

/** Requests by name: what velosd says, and what it is answered. */
export interface Requests {
  /** Makes this connection the one that is served; whoever was served before is not heard any more. */
  take: [Record<never, never>, Holdings];
  /** Opens an app's sockets: all of them, or none. */
  listen: [{ app: string; listen: ListenAddress[] }, Record<never, never>];
  /** Closes an app's sockets, if it has any. */
  close: [{ app: string }, Record<never, never>];
  /** Starts a process with the app's sockets as descriptors 3, 4 … */
  launch: [{ app: string; run: string; order: LaunchOrder }, KeptRun];
  /** The ends of these runs have been dealt with. */
  forget: [{ runs: string[] }, Record<never, never>];
  /** Ends the keeper if it holds nothing. */
  quit: [Record<never, never>, { quits: boolean }];
}

export type RequestName = keyof Requests;

export type Request = { [Name in RequestName]: { id: number; op: Name } & Requests[Name][0] }[RequestName];

/** Why a request failed. */
export interface Refusal {
  message: string;
  /** As in errno(3): `EADDRINUSE`. */
  code?: string;
  /** Which of the addresses, counted from 0. */
  address?: number;
}

export type Reply = { id: number; result: unknown } | { id: number; refusal: Refusal } | { ended: KeptRun };
