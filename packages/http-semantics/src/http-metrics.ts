import type { Attributes, Meter, MeterProvider, ObservableResult } from '@opentelemetry/api';
import type { ExtractionOutcome } from '@throughline/core';
import type { Measure, Scope } from '@throughline/core/seam';
import { guarded, semconv } from '@throughline/core/seam';

/** The instruments of one side. No method throws. */
export interface HttpInstruments {
  /** Records how long an operation took. */
  readonly duration: Measure;
  addActive(change: 1 | -1, method: string, scheme: string): void;
  /** Counts a context by how it arrived, or as a `conflict` if the request brought several that differ. */
  countExtraction(outcome: ExtractionOutcome | 'conflict'): void;
}

/**
 * Returns a function that looks up the instruments of one side, or returns `undefined` while there is no meter provider.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */
export function httpInstruments(
  scope: Scope,
  side: 'server' | 'client',
  given: MeterProvider | undefined,
): () => HttpInstruments | undefined {
  return scope.instruments(given, (meter) => {
    const server = side === 'server';
    const duration = meter.createHistogram(
      server ? semconv.METRIC_HTTP_SERVER_REQUEST_DURATION : semconv.METRIC_HTTP_CLIENT_REQUEST_DURATION,
      {
        description: `Duration of HTTP ${side} requests.`,
        unit: 's',
        advice: { explicitBucketBoundaries: semconv.DURATION_BUCKETS },
      },
    );
    const extracted = new ObservedCounts();
    if (server)
      meter
        .createObservableCounter(semconv.METRIC_THROUGHLINE_PROPAGATION, {
          description: 'Contexts by how they arrived.',
          unit: '{context}',
        })
        .addCallback((result) => extracted.tell(result));
    let active: ObservedCounts | undefined;
    return {
      duration: (seconds, { measured }) => guarded('a meter threw', () => duration.record(seconds, measured)),
      countExtraction: (outcome) =>
        extracted.add(1, outcome, () => ({
          [semconv.ATTR_THROUGHLINE_PROPAGATION_DIRECTION]: 'extract',
          [semconv.ATTR_THROUGHLINE_PROPAGATION_OUTCOME]: outcome,
        })),
      addActive(change, method, scheme) {
        active ??= observeActiveRequests(meter);
        active?.add(change, `${method} ${scheme}`, () => ({
          [semconv.ATTR_HTTP_REQUEST_METHOD]: method,
          [semconv.ATTR_URL_SCHEME]: scheme,
        }));
      },
    };
  });
}

function observeActiveRequests(meter: Meter): ObservedCounts | undefined {
  const counts = new ObservedCounts();
  const observe = () => {
    meter
      .createObservableUpDownCounter(semconv.METRIC_HTTP_SERVER_ACTIVE_REQUESTS, {
        description: 'Number of active HTTP server requests.',
        unit: '{request}',
      })
      .addCallback((result) => counts.tell(result));
    return counts;
  };
  return guarded('a meter threw', observe);
}

/**
 * Sums that are reported when they are collected. An addition to an instrument of the SDK sorts and joins its attributes,
 * which takes longer than everything else that is counted here.
 */
class ObservedCounts {
  readonly #counts = new Map<string, { value: number; readonly attributes: Attributes }>();

  add(change: number, key: string, attributes: () => Attributes): void {
    const count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, { value: change, attributes: attributes() });
    else count.value += change;
  }

  tell(result: ObservableResult): void {
    for (const { value, attributes } of this.#counts.values()) result.observe(value, attributes);
  }
}
