import { VelosError } from "../../domain/errors.ts";

/** What launchd refuses, or what is known beforehand to come to nothing there. */
export const failed = (why: string, hint = "", cause?: unknown): VelosError =>
  new VelosError("BACKEND_FAILED", { backend: "launchd", why, hint }, cause === undefined ? undefined : { cause });
