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
import { withoutVariables } from './without-variables.ts';

const SERVICE_NAME = 'service.name';
/** The SDK discards the whole list when one key or value is longer, or when a value holds an equals sign that is not encoded. */
const MAX_LENGTH = 255;

/**
 * What all spans and metrics of this process have in common.
 *
 * From weak to strong: the SDK's defaults and a random `service.instance.id`, the environment, the options. The
 * specification puts what the program says above the environment; `OTEL_SERVICE_NAME` stands above
 * `OTEL_RESOURCE_ATTRIBUTES`.
 *
 * Without a name from any of them it is the specification's `unknown_service:node`; `named` says whether that is a
 * fault.
 *
 * @see https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
 */
export function readResource(options: TracingOptions, read: EnvironmentReader, named: boolean): Resource {
  const own = present({
    ...options.resourceAttributes,
    ...present({
      [SERVICE_NAME]: options.serviceName,
      'service.version': options.serviceVersion,
      'deployment.environment.name': options.environment,
    }),
  });
  read.pairs(
    'OTEL_RESOURCE_ATTRIBUTES',
    (key, value) => !value.includes('=') && Math.max(key.length, value.length) <= MAX_LENGTH,
  );
  const environment = withoutVariables(read.wrong, () =>
    detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }),
  );
  const resource = defaultResource().merge(environment).merge(resourceFromAttributes(own));
  if (named && String(resource.attributes[SERVICE_NAME]).startsWith('unknown_service'))
    read.fault('the service has no name; give options.serviceName or set OTEL_SERVICE_NAME');
  return resource;
}
