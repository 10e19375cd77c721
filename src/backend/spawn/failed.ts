import { VelosError } from "../../domain/errors.ts";

/** The one error of this backend, where it is velosd itself that refuses: under launchd too. */
export const failed = (why: string, hint = "", cause?: unknown): VelosError =>
  new VelosError("BACKEND_FAILED", { backend: "velosd", why, hint }, cause === undefined ? undefined : { cause });
