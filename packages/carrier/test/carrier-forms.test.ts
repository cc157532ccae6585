import { once } from 'node:events';
import { createServer, type IncomingMessage, OutgoingMessage, request, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createContext, runInContext } from 'node:vm';
import { Metadata } from '@grpc/grpc-js';
import { trace } from '@opentelemetry/api';
import { type Carrier, carrierGetter, carrierSetter, extractContext, injectContext } from '@throughline/core';
import * as propagators from '@throughline/propagators';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SPAN_ID, TRACE_ID, TRACEPARENT } from '../../core/test/sdk.ts';

/** Every value a byte can have. */
const ALL = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const latin1 = (value: Uint8Array) => Buffer.from(value).toString('latin1');

/** Another copy of the platform's classes, as test runners and embedders have. */
const realm = createContext({});
const foreign = (bytes: Uint8Array) =>
  runInContext(`(list) => Uint8Array.from(list)`, realm)([...bytes]) as Uint8Array;
const foreignMap = () => runInContext('new Map()', realm) as Map<unknown, unknown>;

const VALUES: [string, (bytes: Uint8Array) => unknown][] = [
  ['Uint8Array', (bytes) => bytes],
  ['Buffer', (bytes) => Buffer.from(bytes)],
  [
    'Uint8Array inside a larger buffer',
    (bytes) => Buffer.concat([Buffer.from('x'), bytes, bytes]).subarray(1, 1 + bytes.length),
  ],
  ['ArrayBuffer', (bytes) => Uint8Array.from(bytes).buffer],
  [
    'SharedArrayBuffer',
    (bytes) => {
      const shared = new SharedArrayBuffer(bytes.length);
      new Uint8Array(shared).set(bytes);
      return shared;
    },
  ],
  ['DataView', (bytes) => new DataView(Uint8Array.from(bytes).buffer)],
  ['Int8Array', (bytes) => new Int8Array(Uint8Array.from(bytes).buffer)],
  ['Uint8Array of another realm', foreign],
  ['text', latin1],
];

const FORMS: [string, (name: unknown, value: unknown) => Carrier][] = [
  ['object', (name, value) => ({ other: '1', [String(name)]: value })],
  [
    'object without a prototype',
    (name, value) => Object.assign(Object.create(null), { [String(name)]: value }),
  ],
  ['frozen object', (name, value) => Object.freeze({ [String(name)]: value })],
  ['Proxy', (name, value) => new Proxy({ [String(name)]: value }, {})],
  ['object of arrays', (name, value) => ({ [String(name)]: [value] })],
  [
    'Map',
    (name, value) =>
      new Map([
        ['other', '1'],
        [name, value],
      ] as [unknown, unknown][]),
  ],
  ['Map of another realm', (name, value) => foreignMap().set(name, value)],
  [
    'pairs',
    (name, value) => [
      ['other', '1'],
      [name, value],
    ],
  ],
  ['flat array', (name, value) => ['other', '1', name, value]],
];

const anyCase = fc
  .array(fc.boolean(), { minLength: 8, maxLength: 8 })
  .map((upper) => [...'x-field-'].map((char, at) => (upper[at] ? char.toUpperCase() : char)).join(''));

test.each(FORMS.flatMap(([form, make]) => VALUES.map(([kind, value]) => [kind, form, value, make] as const)))(
  'bytes come out of a %s in a(n) %s as they are',
  (_, __, value, make) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), anyCase, (bytes, name) => {
        expect(carrierGetter.get(make(name, value(bytes)), 'x-field-')).toBe(latin1(bytes));
      }),
      { numRuns: 30 },
    );
    expect(carrierGetter.get(make('X-Field-', value(ALL)), 'x-field-')).toBe(latin1(ALL));
  },
);

test.each(['pairs', 'flat array', 'Map'])('names in bytes are names: %s', (form) => {
  const make = FORMS.find(([name]) => name === form)?.[1] as (name: unknown, value: unknown) => Carrier;
  const carrier = make(Buffer.from('TraceParent'), Buffer.from(TRACEPARENT));
  expect(carrierGetter.get(carrier, 'traceparent')).toBe(TRACEPARENT);
  expect(carrierGetter.keys(carrier)).toEqual(['other', 'TraceParent']);
  carrierSetter.set(carrier, 'traceparent', 'new');
  expect(carrierGetter.get(carrier, 'traceparent')).toBe('new');
});

test.each<[string, Carrier]>([
  ['object', { a: 'x', A: 'y' }],
  ['object, the other spelling first', { A: 'x', a: 'y' }],
  [
    'Map',
    new Map([
      ['a', 'x'],
      ['A', 'y'],
    ]),
  ],
  [
    'pairs',
    [
      ['a', 'x'],
      ['A', 'y'],
    ],
  ],
  ['flat array', ['a', 'x', 'A', 'y']],
  [
    'URLSearchParams',
    new URLSearchParams([
      ['a', 'x'],
      ['A', 'y'],
    ]),
  ],
  [
    'URLSearchParams, one spelling',
    new URLSearchParams([
      ['a', 'x'],
      ['a', 'y'],
    ]),
  ],
])('one name in two letter cases is two values: %s', (_, carrier) => {
  expect(carrierGetter.get(carrier, 'a')).toEqual(['x', 'y']);
  carrierSetter.set(carrier, 'A', 'new');
  expect(carrierGetter.get(carrier, 'a')).toBe('new');
  expect(carrierGetter.keys(carrier)).toEqual(['a']);
  carrierSetter.delete(carrier, 'A');
  expect(carrierGetter.keys(carrier)).toEqual([]);
});

test('the propagators read and write with the very same carrier', () => {
  expect(propagators.carrierGetter).toBe(carrierGetter);
  expect(propagators.carrierSetter).toBe(carrierSetter);
});

const grpc = new propagators.GrpcTraceBinPropagator();
const both = new propagators.CompositePropagator({
  extract: [new propagators.W3CTraceContextPropagator(), grpc],
  inject: [new propagators.W3CTraceContextPropagator(), grpc],
});
const remote = extractContext({ traceparent: TRACEPARENT }, both);
const id = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .filter((bytes) => bytes.some(Boolean))
  .map((bytes) => Buffer.from(bytes).toString('hex'));

test('ids of any bytes survive a binary field, whatever carries it', () => {
  fc.assert(
    fc.property(
      id,
      id.map((hex) => `${hex.slice(0, 15)}1`),
      (traceId, spanId) => {
        const context = trace.setSpanContext(remote, { traceId, spanId, traceFlags: 1 });
        for (const make of [
          () => ({}),
          () => [],
          () => new Map(),
          () => new Headers(),
          () => new Metadata(),
          () => new URLSearchParams(),
        ]) {
          const [bare, seam] = [make(), make()];
          grpc.inject(context, bare, carrierSetter);
          injectContext(seam, { context, propagator: grpc });
          for (const carrier of [bare, seam])
            expect(trace.getSpanContext(extractContext(carrier, grpc))).toMatchObject({ traceId, spanId });
        }
      },
    ),
  );
});

test('gRPC metadata gets text as text and binary fields as bytes', () => {
  const metadata = new Metadata();
  metadata.set('TraceParent', 'stale');
  injectContext(metadata, { context: remote, propagator: both });
  expect(metadata.get('traceparent')).toEqual([TRACEPARENT]);
  expect(metadata.get('grpc-trace-bin')).toEqual([expect.any(Buffer)]);
  expect(carrierGetter.keys(metadata)).toEqual(['traceparent', 'grpc-trace-bin']);
  expect(trace.getSpanContext(extractContext(metadata, both))).toMatchObject({
    traceId: TRACE_ID,
    spanId: SPAN_ID,
  });

  new propagators.GrpcTraceBinPropagator({ encoding: 'base64' }).inject(remote, metadata, carrierSetter);
  expect(metadata.get('grpc-trace-bin')).toEqual([expect.any(Buffer)]);
  metadata.add('traceparent', 'second');
  expect(carrierGetter.get(metadata, 'TRACEPARENT')).toEqual([TRACEPARENT, 'second']);
  carrierSetter.delete(metadata, 'Traceparent');
  expect(metadata.get('traceparent')).toEqual([]);
});

test('binary fields are base64 where fields hold text only', () => {
  for (const carrier of [new Headers(), {}, new Map<string, string>(), [] as string[][]] as Carrier[]) {
    injectContext(carrier, { context: remote, propagator: grpc });
    const [text] = [carrierGetter.get(carrier, 'grpc-trace-bin')].flat();
    expect(Buffer.from(String(text), 'base64').subarray(2, 18).toString('hex')).toBe(TRACE_ID);
  }
});

test.each<[string, () => Carrier]>([
  ['object', () => ({})],
  ['Map', () => new Map()],
  ['pairs', () => []],
  ['flat array', () => ['x-other', '1']],
  ['Headers', () => new Headers()],
  ['outgoing message', () => new OutgoingMessage()],
])('legal text comes out of a(n) %s as it went in', (_, make) => {
  const legal = [...ALL].filter((code) => (code > 32 && code < 127) || code > 127);
  const carrier = make();
  for (const text of [latin1(Uint8Array.from(legal)), 'a\tb c']) {
    carrierSetter.set(carrier, 'X-Field', text);
    expect(carrierGetter.get(carrier, 'x-field')).toBe(text);
  }
});

test('messages of node:http: an outgoing one, a response and a request', async () => {
  const bare = new OutgoingMessage();
  useMessage(bare);
  const server = createServer((_, response: ServerResponse) => {
    useMessage(response);
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = request({ host: '127.0.0.1', port });
  useMessage(sent);
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.resume();
  expect(answer.headers.traceparent).toBe(TRACEPARENT);
  server.close();
  await once(server, 'close');
});

test('a response of node:http2, and its headers', async () => {
  const server = createHttp2Server((incoming, response: Http2ServerResponse) => {
    expect(trace.getSpanContext(extractContext(incoming.headers, both))?.traceId).toBe(TRACE_ID);
    useMessage(response);
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = client.request(
    injectContext(Object.assign(Object.create(null), { ':path': '/' }), {
      context: remote,
      propagator: both,
    }),
  );
  const [headers] = (await once(stream, 'response')) as [Record<string, string>];
  expect(trace.getSpanContext(extractContext(headers, both))?.traceId).toBe(TRACE_ID);
  stream.resume();
  await once(stream, 'close');
  client.close();
  server.close();
});

function useMessage(message: OutgoingMessage | Http2ServerResponse): void {
  message.setHeader('TraceParent', 'stale');
  message.setHeader('X-Other', 'kept');
  injectContext(message, { context: remote, propagator: both });
  expect(message.getHeader('traceparent')).toBe(TRACEPARENT);
  expect(message.getHeader('x-other')).toBe('kept');
  expect(typeof message.getHeader('grpc-trace-bin')).toBe('string');
  expect(trace.getSpanContext(extractContext(message, both))?.traceId).toBe(TRACE_ID);
  expect(carrierGetter.keys(message)).toContain('traceparent');
  carrierSetter.delete(message, 'Grpc-Trace-Bin');
  expect(message.hasHeader('grpc-trace-bin')).toBe(false);
}

test.each<[string, unknown]>([
  ['bytes', Buffer.alloc(10_000_000)],
  ['a Set', new Set(['traceparent'])],
  [
    'a Map whose iterator throws',
    Object.assign(new Map([['traceparent', 'x']]), {
      keys: () => ({
        [Symbol.iterator]: () => ({
          next: () => {
            throw new Error('no');
          },
        }),
      }),
    }),
  ],
  [
    'a Headers that throws',
    {
      get: () => {
        throw new Error('no');
      },
      append() {},
      keys: () => [],
    },
  ],
  [
    'a response whose head was sent',
    {
      getHeader: () => undefined,
      setHeader: () => {
        throw new Error('sent');
      },
    },
  ],
])('yields nothing and throws nothing: %s', (_, carrier) => {
  expect(carrierGetter.get(carrier, 'traceparent')).toBeUndefined();
  carrierSetter.set(carrier, 'traceparent', 'x');
  carrierSetter.delete(carrier, 'traceparent');
});
