import { SpanKind, trace } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { Operation } from '@throughline/core/seam';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Recorder, startSdk, stopSdk } from './sdk.ts';

let recorder: Recorder;
beforeEach(() => {
  recorder = startSdk();
});
afterEach(stopSdk);

const coded = (code: unknown) => Object.assign(new RangeError('out of stock'), { code });

test.each([
  ['a number of Connect or gRPC', coded(13), 'RangeError'],
  ['a number that counts as false', coded(0), 'RangeError'],
  ['a number in text, of a database', coded('23505'), 'RangeError'],
  ['text in lower case', coded('not_found'), 'RangeError'],
  ['an object', coded({}), 'RangeError'],
  ['no code', new RangeError('out of stock'), 'RangeError'],
  ['a symbolic code', coded('ECONNREFUSED'), 'ECONNREFUSED'],
])('names the type of an exception with %s', async (_, error, type) => {
  const start = { tracer: trace.getTracer('test'), name: 'work', kind: SpanKind.INTERNAL };
  new Operation(activeContext(), start).fail(error);
  const { events, attributes } = await recorder.one();
  expect(events[0]?.attributes).toMatchObject({
    'exception.type': type,
    'exception.message': 'out of stock',
  });
  expect(attributes['error.type']).toBe(type);
});
