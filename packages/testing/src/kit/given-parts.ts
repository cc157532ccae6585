import assert from 'node:assert/strict';
import { trace } from '@opentelemetry/api';
import type { CaseWorld } from './staged-case.ts';
import type { TraceOptions } from './trace-options.ts';

/** Returns parts to pass by options: a provider that notes when it is used, and a propagator that writes only `field`. */
export function givenParts(
  { notes, parts }: CaseWorld,
  field: string,
): Required<Pick<TraceOptions<unknown>, 'tracerProvider' | 'propagator'>> {
  return {
    tracerProvider: {
      getTracer(name, version, options) {
        notes.push(name);
        assert.ok(parts.tracerProvider);
        return parts.tracerProvider.getTracer(name, version, options);
      },
    },
    propagator: {
      inject(ctx, carrier, setter) {
        setter.set(carrier, field, trace.getSpanContext(ctx)?.traceId ?? '');
      },
      extract: (ctx) => ctx,
      fields: () => [field],
    },
  };
}
