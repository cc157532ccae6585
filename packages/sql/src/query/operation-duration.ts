import type { Attributes, MeterProvider } from '@opentelemetry/api';
import { type Measure, measureBy, type Scope } from '@throughline/core/seam';
import { METRIC_DB_CLIENT_OPERATION_DURATION } from './database-conventions.ts';

/** In seconds, as the conventions give them. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/**
 * Returns a function that looks up the histogram and returns, for the attributes of a query, what measures its duration. It
 * returns `undefined` while there is no meter provider.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/database/database-metrics/#metric-dbclientoperationduration
 */
export function operationDuration(
  scope: Scope,
  given: MeterProvider | undefined,
): () => ((identity: Attributes) => Measure) | undefined {
  return scope.instruments(given, (meter) => {
    const histogram = meter.createHistogram(METRIC_DB_CLIENT_OPERATION_DURATION, {
      description: 'Duration of database client operations.',
      unit: 's',
      advice: { explicitBucketBoundaries: BUCKETS },
    });
    return measureBy(histogram);
  });
}
