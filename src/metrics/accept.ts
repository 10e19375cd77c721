import type { Format } from "./exposition.ts";

/** The format that an `Accept` header prefers: OpenMetrics only where it is asked for by name. */
export const acceptedFormat = (accept: string | undefined): Format => {
  const [wanted, fallback] = [quality(accept, "application/openmetrics-text"), quality(accept, "text/plain")];
  return wanted > 0 && wanted >= fallback ? "openmetrics" : "text";
};

/** The highest weight that a media type has in the header; 0 when it is not named (RFC 9110, 12.5.1). */
const quality = (accept: string | undefined, type: string): number => {
  const weights = (accept ?? "").split(",").flatMap((range) => {
    const [name, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    if (name !== type) return [];
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    return [weight === undefined ? 1 : Number(weight.slice(2)) || 0];
  });
  return Math.max(0, ...weights);
};
