import * as Type from "typebox";
import { readableMetrics } from "../../api/readable-metrics.ts";
import { acceptedFormat } from "../../metrics/accept.ts";
import { contentTypes } from "../../metrics/exposition.ts";
import type { Page } from "../../metrics/page.ts";
import type { Services } from "../services.ts";
import type { Route } from "./route.ts";
import { route } from "./route.ts";

/** Everything that is measured: as JSON, and as Prometheus reads it. */
export const metricsRoutes = ({ velosd }: Services, page: Page): Route[] => [
  route({
    method: "GET",
    path: "/api/metrics",
    operation: "metrics",
    answers: { 200: { description: "the figures at this moment", schema: Type.Object({ at: Type.Number() }) } },
    handle: async () => ({ body: readableMetrics(await velosd.call("metrics", {})) }),
  }),
  route({
    method: "GET",
    path: "/metrics",
    id: "prometheus",
    summary: "The same for Prometheus, as `velos metrics` serves it",
    access: "read",
    answers: { 200: { description: "the text format, or OpenMetrics where it is asked for", type: "text/plain" } },
    handle: async ({ accept }) => {
      const format = acceptedFormat(accept);
      return { bytes: await page.render(format), type: contentTypes[format] };
    },
  }),
];
