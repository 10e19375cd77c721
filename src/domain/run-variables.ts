import { createHash } from "node:crypto";
import type { AppSpec } from "./app.ts";

/** Variables of a run that are not of its spec, and so no reason to replace an instance. */
export interface RunVariables {
  /** Also for the runs that follow by themselves. */
  lasting: Readonly<Record<string, string>>;
  /** Only for this one. */
  once: Readonly<Record<string, string>>;
}

/** The namespace that OpenTelemetry gives to `service.instance.id`. */
const NAMESPACE = Buffer.from("4d63009a8d0f11eeaad74c796ed8e320", "hex");

/** A UUID of version 5 (RFC 9562): the same for the same name, everywhere and always. */
export const uuidOf = (name: string): string => {
  const bytes = createHash("sha1").update(NAMESPACE).update(name, "utf8").digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
};

/** `service.instance.id` of an instance. @param place tells this machine and scope from all others */
export const instanceUuid = (place: string, app: string, index: number): string => uuidOf(`${place}/${app}:${index}`);

/**
 * What tells an app's own OpenTelemetry who it is, unless the app says it itself; and where a rollout started it, the
 * trace that this belongs to.
 */
export const runVariables = (
  spec: AppSpec,
  identity: { instanceId: string; version: string },
  traceparent: string | undefined,
): RunVariables => {
  const own = (name: string): string | undefined => spec.env[name] ?? spec.secretEnv[name];
  const lasting: Record<string, string> = {};
  const attributes = own("OTEL_RESOURCE_ATTRIBUTES");
  // The variable wins over the attribute: it must not be set where the app names itself by that.
  const isNamed = attributes !== undefined && /(?:^|,)\s*service\.name\s*=/.test(attributes);
  if (own("OTEL_SERVICE_NAME") === undefined && !isNamed) lasting["OTEL_SERVICE_NAME"] = spec.name;
  if (attributes === undefined) {
    const pairs = [
      ["service.instance.id", identity.instanceId],
      ...(identity.version === "" ? [] : [["service.version", identity.version]]),
    ];
    lasting["OTEL_RESOURCE_ATTRIBUTES"] = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join();
  }
  const isTraced = traceparent !== undefined && own("TRACEPARENT") === undefined;
  return { lasting, once: isTraced ? { TRACEPARENT: traceparent } : {} };
};
