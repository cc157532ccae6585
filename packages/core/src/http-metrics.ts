import type { Attributes, MeterProvider } from '@opentelemetry/api';
import { instrumentsFor } from './instruments.ts';
import type { Owner } from './option-check.ts';
import { guarded } from './report.ts';
import * as semconv from './semantic-conventions.ts';

/** The instruments of one side; every method is free of exceptions. */
export interface HttpInstruments {
  /** Seconds. */
  recordDuration(seconds: number, attributes: Attributes): void;
  addActive(change: 1 | -1, attributes: Attributes): void;
  countPropagation(attributes: Attributes): void;
}

/** @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ */
export function httpInstruments(
  owner: Owner,
  side: 'server' | 'client',
  given: MeterProvider | undefined,
): () => HttpInstruments | undefined {
  return instrumentsFor(owner, given, (meter) => {
    const server = side === 'server';
    const duration = meter.createHistogram(
      server ? semconv.METRIC_HTTP_SERVER_REQUEST_DURATION : semconv.METRIC_HTTP_CLIENT_REQUEST_DURATION,
      {
        description: `Duration of HTTP ${side} requests.`,
        unit: 's',
        advice: { explicitBucketBoundaries: semconv.DURATION_BUCKETS },
      },
    );
    const propagated = meter.createCounter(semconv.METRIC_THROUGHLINE_PROPAGATION, {
      description: 'Contexts by how they arrived.',
      unit: '{context}',
    });
    let active: ReturnType<typeof meter.createUpDownCounter> | undefined;
    return {
      recordDuration: (seconds, attributes) =>
        guarded('a meter threw', () => duration.record(seconds, attributes), undefined),
      countPropagation: (attributes) =>
        guarded('a meter threw', () => propagated.add(1, attributes), undefined),
      addActive: (change, attributes) =>
        guarded(
          'a meter threw',
          () => {
            active ??= meter.createUpDownCounter(semconv.METRIC_HTTP_SERVER_ACTIVE_REQUESTS, {
              description: 'Number of active HTTP server requests.',
              unit: '{request}',
            });
            active.add(change, attributes);
          },
          undefined,
        ),
    };
  });
}
