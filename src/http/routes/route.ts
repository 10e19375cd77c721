import type { Readable } from "node:stream";
import type { Static, TObject, TSchema } from "typebox";
import type { OperationName } from "../../api/operations.ts";
import { operations } from "../../api/operations.ts";
import type { Needed } from "../access/guard.ts";
import type { Client } from "../access/tokens.ts";

/** One of the answers that a route gives, for the description of the API. Errors need not be listed. */
export interface AnswerForm {
  description: string;
  schema?: TSchema;
  /** Media type, when it is not JSON. */
  type?: string;
  headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  status?: number;
  headers?: Readonly<Record<string, string | undefined>>;
  /** A value to be written as JSON, or bytes or a stream of what `type` says. */
  body?: unknown;
  bytes?: Buffer | string | Readable;
  type?: string;
}

/** What was asked, checked. */
export interface Asked<Q, B> {
  /** `:name` of the path, not empty; nothing else is known of it. */
  name: string;
  query: Q;
  body: B;
  client: Client;
  /** The header `Accept`. */
  accept: string | undefined;
  /** Aborts when nobody waits for the answer any more. */
  gone: AbortSignal;
}

/** A route of the REST API: what is served, described and tested is derived from it. */
export interface Route {
  method: "GET" | "POST" | "DELETE";
  /** With names in braces, as OpenAPI has it. */
  path: string;
  id: string;
  summary: string;
  description?: string;
  access: Needed;
  query?: TObject;
  /** Absent: a body is not taken. */
  body?: TSchema;
  bodyExamples?: Readonly<Record<string, unknown>>;
  /** True: it may be left out. */
  bodyOptional?: true;
  answers: Readonly<Record<number, AnswerForm>>;
  /** Answered from memory: does not count for the limit of requests. */
  fromMemory?: true;
  handle: (asked: Asked<never, never>) => Promise<Answer>;
}

interface RouteForm<Q extends TObject, B extends TSchema> extends Omit<
  Route,
  "handle" | "query" | "body" | "summary" | "access" | "id"
> {
  /** The operation behind it, whose summary and scope it has. */
  operation?: OperationName;
  id?: string;
  summary?: string;
  access?: Needed;
  query?: Q;
  body?: B;
  handle: (asked: Asked<Static<Q>, Static<B>>) => Promise<Answer>;
}

/** A route; what is not said is taken from its operation. */
export const route = <Q extends TObject, B extends TSchema>(form: RouteForm<Q, B>): Route => {
  const { operation, ...rest } = form;
  const known = operation === undefined ? undefined : operations[operation];
  return {
    id: operation ?? form.path.replace(/\W+/g, "-"),
    summary: known?.summary ?? "",
    access: known?.access ?? "open",
    ...rest,
  } as unknown as Route;
};
