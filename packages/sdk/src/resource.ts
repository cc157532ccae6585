import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import type { EnvironmentReader } from './environment-reader.ts';
import { present } from './present.ts';
import type { TracingOptions } from './tracing-options.ts';

const SERVICE_NAME = 'service.name';
/** The SDK discards the whole list when one value holds an equals sign that is not encoded. */
const ATTRIBUTE = /^[^=]*[^=\s][^=]*=[^=]*$/;

/**
 * What all spans and metrics of this process have in common.
 *
 * From weak to strong: the SDK's defaults and a random `service.instance.id`, the environment, the options. The
 * specification puts what the program says above the environment; `OTEL_SERVICE_NAME` stands above
 * `OTEL_RESOURCE_ATTRIBUTES`.
 *
 * @see https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
 */
export function createResource(options: TracingOptions): Resource {
  const own = present({
    ...options.resourceAttributes,
    ...present({
      [SERVICE_NAME]: options.serviceName,
      'service.version': options.serviceVersion,
      'deployment.environment.name': options.environment,
    }),
  });
  return defaultResource()
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
    .merge(resourceFromAttributes(own));
}

/** Checks that the service has a name and that the resource's variables can be read. */
export function checkResource(options: TracingOptions, read: EnvironmentReader): void {
  read.pairs('OTEL_RESOURCE_ATTRIBUTES', ATTRIBUTE);
  const attributes = read.text('OTEL_RESOURCE_ATTRIBUTES') ?? '';
  const named =
    options.serviceName !== undefined ||
    options.resourceAttributes?.[SERVICE_NAME] !== undefined ||
    read.text('OTEL_SERVICE_NAME') !== undefined ||
    attributes.split(',').some((pair) => /^\s*service\.name\s*=\s*\S/.test(pair));
  if (!named) read.fault('the service has no name; give options.serviceName or set OTEL_SERVICE_NAME');
}
