import type { Attributes } from "@opentelemetry/api";
import type { Exit, ObservedInstance } from "../domain/instance.ts";

/**
 * Names by the semantic conventions of OpenTelemetry where there are any (`process.*`, `error.type`, `exception.*`),
 * `systemd.*` and `velos.*` where not.
 */
export const appAttributes = (app: string): Attributes => ({ "velos.app.name": app });

export const instanceAttributes = (app: string, index: number): Attributes => ({
  "velos.app.name": app,
  "velos.instance.index": index,
  "velos.instance.name": `${app}:${index}`,
});

/** What tells one run of an instance from another. */
export const runAttributes = (instance: ObservedInstance | undefined, isSystemd: boolean): Attributes => {
  if (!instance) return {};
  const { pid, run, unit, fingerprint } = instance;
  return {
    ...(pid !== undefined && { "process.pid": pid }),
    ...(fingerprint !== "" && { "velos.spec.fingerprint": fingerprint }),
    ...(run !== "" && { [isSystemd ? "systemd.invocation_id" : "velos.instance.run"]: run }),
    ...(isSystemd && { "systemd.unit": unit }),
  };
};

export const exitAttributes = (exit: Exit | undefined): Attributes => {
  if (!exit) return {};
  const { code, signal, result, ranMs } = exit;
  return {
    ...(code !== undefined && { "process.exit.code": code }),
    ...(signal !== undefined && { "velos.exit.signal": signal }),
    ...(result !== undefined && { "velos.exit.result": result }),
    ...(ranMs !== undefined && { "velos.run.duration_ms": Math.round(ranMs) }),
  };
};

/** What kind of end it was, in a word of a small set. */
export const exitType = (exit: Exit | undefined): string => {
  if (exit?.result === "oom-kill" || exit?.result === "timeout" || exit?.result === "watchdog") return exit.result;
  return exit?.signal ?? (exit?.code === undefined ? "_OTHER" : "exit-code");
};

/** What kind of failure it was, and its text. */
export const failureOf = (error: unknown): { type: string; message: string } => {
  // Errors of velosd are of another bundle, and so of another class.
  const { name, code } = (error ?? {}) as { name?: string; code?: unknown };
  if (error instanceof Error && name === "VelosError") return { type: String(code), message: error.message };
  if (error instanceof Error) return { type: error.name, message: error.message };
  return { type: "_OTHER", message: String(error) };
};
