import { expect, it } from "vitest";
import { acceptedFormat } from "../../src/metrics/accept.ts";

it.each([
  [undefined, "text"],
  ["*/*", "text"],
  ["text/plain", "text"],
  ["text/html,application/xhtml+xml,*/*;q=0.8", "text"],
  ["application/openmetrics-text; version=1.0.0", "openmetrics"],
  [
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "openmetrics",
  ],
  ["application/openmetrics-text;q=0.3, text/plain;q=0.9", "text"],
  ["application/openmetrics-text;q=0", "text"],
  [";;,,q=", "text"],
])("%s is answered with %s", (accept, format) => {
  expect(acceptedFormat(accept)).toBe(format);
});
