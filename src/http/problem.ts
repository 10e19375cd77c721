import type { FastifyError } from "fastify";
import type { ErrorCode } from "../domain/errors.ts";
import { VelosError } from "../domain/errors.ts";

/** What an error becomes over HTTP (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** What can be done about it. */
  hint?: string;
  /** Of the error table; stable. */
  code: ErrorCode;
  /** What of the request is wrong, as a JSON pointer into its body or parameters. */
  pointer?: string;
}

export const PROBLEM_TYPE = "application/problem+json";

/** `APP_NOT_FOUND` as people write it. */
const titleOf = (code: string): string => code.charAt(0) + code.slice(1).toLowerCase().replaceAll("_", " ");

/** A velos error as the body of an answer. */
export const problemOf = (error: VelosError): Problem => {
  const { pointer, where } = error.details;
  const at = pointer || (typeof where === "string" && where.startsWith("/") ? where : undefined);
  return {
    type: "about:blank",
    title: titleOf(error.code),
    status: error.status,
    detail: error.message,
    ...(error.hint !== "" && { hint: error.hint }),
    code: error.code,
    ...(typeof at === "string" && { pointer: at }),
  };
};

/** Whatever was thrown as a velos error; what is neither of velos nor of the request is a bug, INTERNAL. */
export const toVelosError = (error: unknown): VelosError => {
  if (error instanceof VelosError) return error;
  const { statusCode, code, message } = error as Partial<FastifyError>;
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new VelosError("BODY_TOO_LARGE", {});
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new VelosError("MEDIA_TYPE_UNKNOWN", {});
    default:
  }
  if (statusCode === 429) return new VelosError("TOO_MANY_REQUESTS", { why: message ?? "too many requests" });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new VelosError("MESSAGE_INVALID", { why: message ?? "the request cannot be read", hint: "see /docs" });
  return new VelosError("INTERNAL", { why: message ?? String(error) }, { cause: error });
};
