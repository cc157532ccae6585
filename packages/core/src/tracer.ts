import { type Tracer, type TracerProvider, trace } from '@opentelemetry/api';
import type { Owner } from './option-check.ts';
import { perRegistration } from './registered-api.ts';
import { SCHEMA_URL } from './semantic-conventions.ts';
import { VERSION } from './version.ts';

/** Looks the tracer up, again after another SDK was registered; with the owner's package as its scope. */
export function tracerFor(owner: Owner, given: TracerProvider | undefined): () => Tracer {
  const get = (provider: Pick<TracerProvider, 'getTracer'>) =>
    provider.getTracer(`@throughline/${owner.package}`, VERSION, { schemaUrl: SCHEMA_URL });
  // Not `trace.getTracer`, which drops the schema.
  if (given === undefined) return perRegistration('trace', () => get(trace.getTracerProvider()));
  const tracer = get(given);
  return () => tracer;
}
