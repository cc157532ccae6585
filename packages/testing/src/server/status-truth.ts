import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import type { SpanProcessorLike } from '../kit/conformance-sdk.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';

/** Compares the status codes that SERVER spans report with those that came over the wire. */
export interface StatusTruth extends SpanProcessorLike {
  onWire(status: number): void;
  /** Throws an `AssertionError` when spans report a status code more often than it was received. */
  assertTruth(): void;
}

/**
 * Returns the comparison for one case. It applies to every case: a span must not report a status that was not sent.
 *
 * The reverse is no fault: ignored and unsampled requests are answered without a span.
 */
export function createStatusTruth(): StatusTruth {
  const received: number[] = [];
  const reported: number[] = [];
  return {
    onWire: (status) => void received.push(status),
    onStart() {},
    onEnd({ kind, attributes }: RecordedSpan) {
      const status = attributes['http.response.status_code'];
      if (kind === SpanKind.SERVER && typeof status === 'number') reported.push(status);
    },
    async forceFlush() {},
    async shutdown() {},
    assertTruth() {
      for (const status of new Set(reported)) {
        const [claimed, sent] = [reported, received].map((all) => all.filter((one) => one === status).length);
        assert.ok(
          Number(claimed) <= Number(sent),
          `${claimed} spans report status ${status}, ${sent} responses had it`,
        );
      }
    },
  };
}
