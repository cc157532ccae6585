import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import type { TracingOptions } from '../tracing-options.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { present } from './present.ts';
import { withoutVariables } from './without-variables.ts';

const SERVICE_NAME = 'service.name';
/** The SDK discards the whole list if one key or value is longer, or if a value contains an equals sign that is not encoded. */
const MAX_LENGTH = 255;

/**
 * Returns the attributes that all spans and metrics of this process share.
 *
 * From weak to strong, they come from the SDK's defaults and a random `service.instance.id`, the environment, and the
 * options. By the specification, options override the environment, and `OTEL_SERVICE_NAME` overrides
 * `OTEL_RESOURCE_ATTRIBUTES`.
 *
 * Without a name from any of them, the service is the specification's `unknown_service:node`. That is a fault if the
 * service must be `named`.
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
    read.fault('the service has no name; set options.serviceName or OTEL_SERVICE_NAME');
  return resource;
}
