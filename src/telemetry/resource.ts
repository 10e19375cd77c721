import type { Resource } from "@opentelemetry/resources";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";

/** Who sends: OTEL_RESOURCE_ATTRIBUTES may add to it, but not say that velosd is somebody else. */
export const resourceOf = (about: {
  serviceName: string;
  version: string;
  hostName: string;
  instanceId: string;
  pid: number;
}): Resource =>
  defaultResource()
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(
      resourceFromAttributes({
        "service.name": about.serviceName,
        "service.version": about.version,
        "service.instance.id": about.instanceId,
        "host.name": about.hostName,
        "process.pid": about.pid,
      }),
    );
