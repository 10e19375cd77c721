import { VelosError } from "../../domain/errors.ts";

/** The one error of this backend. */
export const failed = (why: string, hint = "", cause?: unknown): VelosError =>
  new VelosError("BACKEND_FAILED", { backend: "spawn", why, hint }, cause === undefined ? undefined : { cause });
