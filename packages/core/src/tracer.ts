import { type Tracer, type TracerProvider, trace } from '@opentelemetry/api';
import type { Owner } from './option-check.ts';
import { perRegistration, registeredApi } from './registered-api.ts';
import { guarded } from './report.ts';
import { SCHEMA_URL } from './semantic-conventions.ts';
import { VERSION } from './version.ts';

/**
 * Returns a function that looks the tracer up, again after another SDK was registered. It returns `undefined` while no
 * provider is registered and none is given: nothing is recorded then. The owner's package is the tracer's scope.
 */
export function tracerFor(owner: Owner, given: TracerProvider | undefined): () => Tracer | undefined {
  const get = (provider: Pick<TracerProvider, 'getTracer'>) =>
    provider.getTracer(`@throughline/${owner.package}`, VERSION, { schemaUrl: SCHEMA_URL });
  if (given !== undefined) {
    const tracer = get(given);
    return () => tracer;
  }
  // Not `trace.getTracer`, which drops the schema.
  const registered = () => get(trace.getTracerProvider());
  return perRegistration('trace', () =>
    registeredApi().trace === undefined
      ? undefined
      : guarded('a tracer provider threw; nothing is recorded', registered, undefined),
  );
}
