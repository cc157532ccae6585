import assert from 'node:assert/strict';
import { headerValues, type ReceivedRequest } from '../kit/origin-server.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import { traceparentOf } from '../kit/traceparent.ts';
import type { HttpClientWorld } from './http-client-case.ts';

/** Returns the `n`th request that the origin received; waits for it. */
export async function arrival(world: HttpClientWorld, n = 0): Promise<ReceivedRequest> {
  const call = (await world.origin.arrived(n + 1))[n];
  assert.ok(call);
  return call;
}

/** Asserts that a request carries exactly one `traceparent`, and that it names this span. */
export function assertCarries(call: ReceivedRequest, span: RecordedSpan): void {
  assert.deepEqual(headerValues(call, 'traceparent'), [traceparentOf(span.spanContext())]);
}
