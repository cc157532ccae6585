import assert from 'node:assert/strict';
import { TraceFlags } from '@opentelemetry/api';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import { parseTraceparent } from '../kit/traceparent.ts';
import type { MessageOnWire } from './messaging-client-under-test.ts';

/** Returns all values that a message carries under a name, in any letter case. */
export function onWire({ metadata }: MessageOnWire, name: string): string[] {
  return Object.entries(metadata).flatMap(([key, values]) => (key.toLowerCase() === name ? values : []));
}

/** Asserts that a message carries exactly one traceparent, and that it names `span`. */
export function assertCarries(message: MessageOnWire, span: RecordedSpan): void {
  const found = onWire(message, 'traceparent');
  assert.equal(found.length, 1, `one traceparent, got ${JSON.stringify(found)}`);
  const { traceId, spanId } = span.spanContext();
  assert.deepEqual(parseTraceparent(found[0]), { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
}
