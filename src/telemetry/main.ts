import type { Facility } from "../backend/backend.ts";
import type { TelemetrySettings } from "../config/telemetry-settings.ts";
import type { Events } from "../controller/events.ts";
import type { Observer } from "../controller/observer.ts";
import { uuidOf } from "../domain/run-variables.ts";
import { Delivery } from "./delivery.ts";
import { makeExporters } from "./exporters.ts";
import { guarded } from "./guarded.ts";
import { Outbox } from "./outbox.ts";
import { resourceOf } from "./resource.ts";
import { SpanSink } from "./span-sink.ts";
import { Spans } from "./spans.ts";

export interface TelemetryOptions {
  settings: TelemetrySettings;
  version: string;
  /** Tells this machine and scope from all others. */
  place: string;
  hostName: string;
  isSystemd: boolean;
  /** What the operation `metrics` answers, as JSON. */
  snapshot: () => Promise<string>;
  /** One line of velosd's log. */
  report: (line: string) => void;
}

/** OpenTelemetry at work. */
export interface Telemetry {
  observer: Observer;
  /** Takes changes of state, which become events of spans. */
  follow: (events: Events) => void;
  /** For `velos doctor`. */
  facility: () => Facility;
  /** Sends what is left; takes as long as the collector does, so the caller sets the limit. */
  close: () => Promise<void>;
}

/**
 * Starts to send what velosd does to a collector. Nothing in it is waited for by anybody, and a collector that is slow or
 * gone costs nothing but telemetry.
 * @throws VelosError CONFIG_INVALID when a certificate cannot be used
 */
export const startTelemetry = async (options: TelemetryOptions): Promise<Telemetry> => {
  const { settings, version, place, hostName, isSystemd, report } = options;
  const exporters = await makeExporters(settings);
  const where = `the collector at ${settings.tracesUrl}`;
  const delivery = new Delivery(where, report);
  const resource = resourceOf({
    serviceName: settings.serviceName,
    version,
    hostName,
    instanceId: uuidOf(`${place}/velosd`),
    pid: process.pid,
  });
  const sink = new SpanSink({ exporter: exporters.traces, delivery, resource, version });
  const outbox = new Outbox(sink);
  const spans = new Spans(outbox, isSystemd);
  const metrics = exporters.metrics && delivery.metrics(exporters.metrics);
  const { sendMetrics } = metrics ? await import("./send-metrics.ts") : {};
  const stopMetrics =
    metrics &&
    sendMetrics?.({
      exporter: metrics,
      resource,
      version,
      intervalMs: settings.metricsIntervalMs,
      snapshot: options.snapshot,
    });
  return {
    observer: guarded(spans, report),
    follow: (events) => void events.subscribe((event) => spans.take(event)),
    facility: () => facilityOf(settings, delivery),
    close: async () => {
      spans.close(Date.now());
      outbox.flush();
      await Promise.allSettled([sink.close(), stopMetrics?.()]);
    },
  };
};

const facilityOf = ({ protocol, tracesUrl }: TelemetrySettings, delivery: Delivery): Facility => {
  const { sent, lost, problem, hasBegun } = delivery;
  const counts = `${sent} spans sent${lost > 0 ? `, ${lost} lost` : ""}`;
  const note = problem === undefined ? (hasBegun ? counts : "nothing sent yet") : `not taken: ${problem}; ${counts}`;
  return { name: "telemetry", ok: problem === undefined, note: `${tracesUrl} (${protocol}): ${note}` };
};
