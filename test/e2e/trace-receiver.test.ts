import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { startTraceReceiver, type TraceReceiver } from '../../examples/checkout/trace-receiver.ts';

let receiver: TraceReceiver | undefined;
afterEach(() => receiver?.close());

const wireSpan = (fields: object = {}) => ({
  traceId: 'AB'.repeat(16),
  spanId: '1'.repeat(16),
  name: 'GET /a',
  kind: 2,
  startTimeUnixNano: '1790000000000001999',
  endTimeUnixNano: '1790000000000003000',
  ...fields,
});

const exportOf = (...spans: object[]) => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'orders' } }] },
      scopeSpans: [{ scope: { name: 'test' }, spans }],
    },
  ],
});

function send(body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${receiver?.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body:
      body instanceof Uint8Array
        ? new Uint8Array(body)
        : typeof body === 'string'
          ? body
          : JSON.stringify(body),
  });
}

const heldSpans = () => receiver?.traces().flatMap((trace) => trace.rows.map((row) => row.span)) ?? [];

describe('an export', () => {
  test('is answered with an empty success and read into spans', async () => {
    receiver = await startTraceReceiver();
    const attributes = [
      { key: 's', value: { stringValue: 'x' } },
      { key: 'i', value: { intValue: '200' } },
      { key: 'b', value: { boolValue: true } },
      { key: 'l', value: { arrayValue: { values: [{ doubleValue: 1.5 }] } } },
      { key: '__proto__', value: { stringValue: 'p' } },
    ];
    const parent = { parentSpanId: '2'.repeat(16), flags: 0x301, status: { code: 2 }, attributes };
    const answer = await send(exportOf(wireSpan(parent)));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual({});
    const [span] = heldSpans();
    expect(span).toMatchObject({
      traceId: 'ab'.repeat(16),
      parentId: '2'.repeat(16),
      parentRemote: true,
      kind: 'SERVER',
      service: 'orders',
      start: 1_790_000_000_000_001,
      end: 1_790_000_000_000_003,
      error: true,
    });
    expect(Object.entries(span?.attributes ?? {})).toEqual([
      ['s', 'x'],
      ['i', 200],
      ['b', true],
      ['l', [1.5]],
      ['__proto__', 'p'],
    ]);
  });

  test('may be compressed', async () => {
    receiver = await startTraceReceiver();
    const body = gzipSync(JSON.stringify(exportOf(wireSpan())));
    expect((await send(body, { 'content-encoding': 'gzip' })).status).toBe(200);
    expect(heldSpans()).toHaveLength(1);
  });

  test('that is repeated counts once', async () => {
    receiver = await startTraceReceiver();
    await send(exportOf(wireSpan()));
    await send(exportOf(wireSpan()));
    expect(heldSpans()).toHaveLength(1);
  });

  test('with unusable spans keeps the others and says how many it left', async () => {
    receiver = await startTraceReceiver();
    const bad = [
      { traceId: '0'.repeat(32) },
      { spanId: 'xyz' },
      { startTimeUnixNano: -1 },
      { endTimeUnixNano: null },
    ];
    const answer = await send(exportOf(wireSpan(), ...bad.map(wireSpan)));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ partialSuccess: { rejectedSpans: '4' } });
    expect(heldSpans()).toHaveLength(1);
  });
});

describe('refused', () => {
  test.each([
    ['text that is not JSON', '{"resourceSpans":'],
    ['JSON that is not an object', '[]'],
    ['an object of another shape', '{"resourceSpans":{"a":1}}'],
    ['nothing', ''],
  ])('%s, with 400', async (_, body) => {
    receiver = await startTraceReceiver();
    const answer = await send(body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toHaveProperty('message');
  });

  test('a body beyond the limit, with 413: announced, streamed, or hidden in gzip', async () => {
    receiver = await startTraceReceiver({ maxBodyBytes: 100_000 });
    const large = JSON.stringify(exportOf(wireSpan({ name: 'x'.repeat(2_000_000) })));
    expect((await send(large)).status).toBe(413);
    expect((await send(gzipSync(large), { 'content-encoding': 'gzip' })).status).toBe(413);
    const streamed = await fetch(`${receiver.url}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([large]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(streamed.status).toBe(413);
    expect(heldSpans()).toEqual([]);
    expect((await send(exportOf(wireSpan()))).status).toBe(200);
  });

  test('the default limit is 4 MiB', async () => {
    receiver = await startTraceReceiver();
    const envelope = JSON.stringify(exportOf(wireSpan({ name: '' }))).length;
    const limit = 4 * 1024 * 1024;
    expect((await send(exportOf(wireSpan({ name: 'x'.repeat(limit - envelope) })))).status).toBe(200);
    expect((await send(exportOf(wireSpan({ name: 'x'.repeat(limit - envelope + 1) })))).status).toBe(413);
  });

  test('protobuf with 415, damaged gzip with 400, other methods with 405, other paths with 404', async () => {
    receiver = await startTraceReceiver();
    expect((await send('', { 'content-type': 'application/x-protobuf' })).status).toBe(415);
    expect((await send('{}', { 'content-encoding': 'gzip' })).status).toBe(400);
    expect((await send('{}', { 'content-encoding': 'br' })).status).toBe(415);
    expect((await fetch(`${receiver.url}/v1/traces`)).status).toBe(405);
    expect((await fetch(`${receiver.url}/v1/metrics`, { method: 'POST' })).status).toBe(404);
  });
});

describe('traces', () => {
  test('settle when they have gone quiet, and settle anew when spans come late', async () => {
    const settled: number[] = [];
    receiver = await startTraceReceiver({ onSettled: (trace) => settled.push(trace.rows.length) });
    const { isSettled } = receiver;
    await send(exportOf(wireSpan()));
    const { traceId } = await receiver.waitFor(([trace]) =>
      trace && isSettled(trace.traceId) ? trace : undefined,
    );
    await send(exportOf(wireSpan({ spanId: '2'.repeat(16), parentSpanId: '1'.repeat(16) })));
    expect(isSettled(traceId)).toBe(false);
    await receiver.waitFor(() => isSettled(traceId) || undefined);
    expect(settled).toEqual([1, 2]);
  });

  test('are forgotten oldest first beyond the span limit', async () => {
    receiver = await startTraceReceiver({ maxSpans: 3 });
    for (const digit of ['1', '2', '3', '4', '5'])
      await send(exportOf(wireSpan({ traceId: digit.repeat(32) })));
    expect(receiver.traces().map((trace) => trace.traceId[0])).toEqual(['3', '4', '5']);
  });

  test('that never come are reported with what did', async () => {
    receiver = await startTraceReceiver();
    await send(exportOf(wireSpan()));
    await expect(receiver.waitFor(() => undefined, 50)).rejects.toThrow(
      `held: ${'ab'.repeat(16)} from orders`,
    );
  });
});
