import { isTable } from "./environment-kinds.ts";
import type { Kind } from "./kinds.ts";
import { Misfit, showValue } from "./misfit.ts";

const SAMPLE = "http://127.0.0.1:4317";

/** The URL of a collector, without a slash at its end. @throws Misfit */
export const collectorUrl = (value: unknown): string => {
  if (typeof value !== "string" || value.length > 2048 || !/^https?:\/\//i.test(value)) throw new Misfit();
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || url.hostname === "" || url.search !== "" || url.hash !== "") throw new Misfit();
  if (url.username !== "" || url.password !== "") {
    throw new Misfit("it has a user's name in it", {
      hint: 'say who you are with otel_headers = { authorization = "Basic …" }',
    });
  }
  return url.href.replace(/\/+$/, "");
};

/** Where a collector listens. */
export const collectorEndpoint: Kind<string> = {
  expects: `the URL of a collector, http:// or https://, such as ${SAMPLE}`,
  json: { type: "string" },
  read: collectorUrl,
};

/** Headers of HTTP, or metadata of gRPC. */
export const headers: Kind<Record<string, string>> = {
  expects: "a table of headers",
  json: { type: "object", additionalProperties: { type: "string" } },
  read: (value) => {
    if (!isTable(value)) throw new Misfit();
    return Object.fromEntries(
      Object.entries(value).map(([name, text]): [string, string] => {
        // Of gRPC, names that end in -bin carry bytes and not text.
        if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(name) || name.toLowerCase().endsWith("-bin")) {
          throw new Misfit(`${JSON.stringify(name)} cannot be a header's name`, {
            path: [name],
            part: "key",
            hint: "letters, digits and dashes, such as authorization",
          });
        }
        // The value is a secret as often as not, so that it is not shown.
        if (typeof text !== "string" || !/^[\x20-\x7e]*$/.test(text)) {
          const what = typeof text === "string" ? "one with other characters" : showValue(text);
          throw new Misfit(`${name} should be a text of plain characters on one line, not ${what}`, {
            path: [name],
            hint: 'for example authorization = "Bearer …"',
          });
        }
        return [name.toLowerCase(), text];
      }),
    );
  },
};
