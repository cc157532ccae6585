import type { Attributes, MeterProvider } from '@opentelemetry/api';
import { type Measure, measureBy, type Scope, semconv } from '@throughline/core/seam';
import { METRIC_RPC_CLIENT_CALL_DURATION, METRIC_RPC_SERVER_CALL_DURATION } from './rpc-conventions.ts';

/**
 * Returns a function that looks up the histogram of one side and returns, for the attributes of a call, what measures its
 * duration. It returns `undefined` while there is no meter provider.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
 */
export function rpcDuration(
  scope: Scope,
  side: 'server' | 'client',
  given: MeterProvider | undefined,
): () => ((identity: Attributes) => Measure) | undefined {
  const server = side === 'server';
  return scope.instruments(given, (meter) => {
    const histogram = meter.createHistogram(
      server ? METRIC_RPC_SERVER_CALL_DURATION : METRIC_RPC_CLIENT_CALL_DURATION,
      {
        description: `Measures the duration of an ${server ? 'incoming' : 'outgoing'} Remote Procedure Call (RPC).`,
        unit: 's',
        advice: { explicitBucketBoundaries: semconv.DURATION_BUCKETS },
      },
    );
    return measureBy(histogram);
  });
}
