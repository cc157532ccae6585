import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  baggageEntryMetadataFromString,
  type Context,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import {
  baggageProperties,
  CompositePropagator,
  carrierGetter,
  carrierSetter,
  createPropagator,
  JaegerPropagator,
  parseTraceState,
  W3CBaggagePropagator,
} from '@throughline/propagators';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';

const T = '0af7651916cd43dd8448eb211c80319c';
const FORMATS = ['tracecontext', 'b3', 'b3multi', 'jaeger', 'xray', 'grpc-trace-bin', 'baggage'];

/** What one hop and the next must agree on. */
function carried(context: Context) {
  const spanContext = trace.getSpanContext(context);
  const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
  return {
    traceId: spanContext?.traceId,
    traceFlags: spanContext?.traceFlags,
    traceState: spanContext?.traceState?.serialize() ?? '',
    baggage: Object.fromEntries(
      entries.map(([key, entry]) => [key, [entry.value, baggageProperties(entry)]]),
    ),
  };
}

/** Sends and receives, as HTTP does it: names become lower case. */
function hop(propagator: TextMapPropagator, context: Context, at: number): Context {
  const sent: [string, string][] = [];
  const span = trace.getSpanContext(context);
  const child =
    span && trace.setSpanContext(context, { ...span, spanId: `b7ad6b716920333${at}`, isRemote: false });
  propagator.inject(child ?? context, sent, {
    set: (carrier, name, value) =>
      carrier.push([
        name.toLowerCase(),
        typeof value === 'string' ? value : Buffer.from(value).toString('base64'),
      ]),
  });
  return propagator.extract(ROOT_CONTEXT, Object.fromEntries(sent), carrierGetter);
}

const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,10}$/);
const entry = fc.record({
  value: fc.string({ unit: 'grapheme', maxLength: 12 }),
  properties: fc.option(fc.array(key, { minLength: 1, maxLength: 2 }), { nil: undefined }),
});
const order = fc.shuffledSubarray(FORMATS).filter((names) => names.some((name) => name !== 'baggage'));
const baggages = fc.uniqueArray(fc.tuple(key, entry), {
  maxLength: 5,
  selector: ([name]) => name.toLowerCase(),
});

test('what several formats carry is the same after five hops, in any order of formats', () => {
  fc.assert(
    fc.property(order, baggages, fc.integer({ min: 0, max: 3 }), (names, entries, traceFlags) => {
      const propagator = createPropagator(names);
      let context = trace.setSpanContext(ROOT_CONTEXT, {
        traceId: T,
        spanId: 'b7ad6b7169203331',
        traceFlags,
        traceState: parseTraceState('a=1,b=2'),
      });
      const baggage = entries.map(([name, { value, properties }]) => {
        const metadata = properties && baggageEntryMetadataFromString(properties.join(';'));
        return [name, metadata === undefined ? { value } : { value, metadata }] as const;
      });
      context = propagation.setBaggage(context, propagation.createBaggage(Object.fromEntries(baggage)));
      const first = carried(hop(propagator, context, 0));
      let later = hop(propagator, context, 0);
      for (let at = 1; at < 5; at++) later = hop(propagator, later, at);
      expect(carried(later)).toEqual(first);
      if (names.includes('baggage')) expect(first.baggage).toEqual(carried(context).baggage);
      if (names.includes('tracecontext')) expect(first.traceState).toBe('a=1,b=2');
    }),
    { numRuns: 500 },
  );
});

it.each(['tracecontext,jaeger,baggage', 'tracecontext,baggage,jaeger', 'jaeger,tracecontext,baggage'])(
  '%s keeps the properties and the spelling of baggage',
  (names) => {
    const propagator = createPropagator(names);
    let context: Context = propagator.extract(ROOT_CONTEXT, {
      traceparent: `00-${T}-b7ad6b7169203331-01`,
      baggage: 'tenantId=acme;ttl=60;internal,plain=1',
    });
    const before = carried(context).baggage;
    for (let at = 0; at < 5; at++) context = hop(propagator, context, at);
    expect(carried(context).baggage).toEqual(before);
    expect(before.tenantId).toEqual([
      'acme',
      [
        ['ttl', '60'],
        ['internal', undefined],
      ],
    ]);
  },
);

it('a later format overrules no value', () => {
  const propagator = createPropagator('jaeger,baggage');
  const context = propagator.extract(ROOT_CONTEXT, { 'uberctx-a': '1', baggage: 'a=2;p=1' });
  expect(carried(context).baggage).toEqual({ a: ['1', []] });
});

describe('all formats together', () => {
  const large = () => {
    const members = Array.from({ length: 64 }, (_, i): [string, { value: string }] => [
      `key-${i}`,
      { value: 'v'.repeat(119) },
    ]);
    const state = Array.from({ length: 32 }, (_, i) => `key${i}=${'x'.repeat(240)}`).join(',');
    const remote = createPropagator('tracecontext,xray').extract(ROOT_CONTEXT, {
      traceparent: `00-${T}-b7ad6b7169203331-01`,
      tracestate: state,
      'x-amzn-trace-id': `Root=1-${T.slice(0, 8)}-${T.slice(8)};Parent=b7ad6b7169203331;Lineage=${'a:1|'.repeat(64)}`,
    });
    return propagation.setBaggage(remote, propagation.createBaggage(Object.fromEntries(members)));
  };
  const foreign: TextMapPropagator = {
    fields: () => ['x-vendor'],
    extract: (context) => context,
    inject: (_, carrier, setter) => setter.set(carrier, 'x-vendor', 'v'.repeat(6000)),
  };
  const lists: [string, TextMapPropagator][] = [
    ['every format of ours', createPropagator(FORMATS)],
    ['every format of ours, the other way round', createPropagator([...FORMATS].reverse())],
    ['W3C and Jaeger', createPropagator('tracecontext,baggage,jaeger')],
    ['Jaeger before W3C', createPropagator('jaeger,baggage,tracecontext')],
    ['W3C', createPropagator('tracecontext,baggage')],
    [
      'one of another make',
      new CompositePropagator({
        extract: [],
        inject: [createPropagator('tracecontext,baggage,jaeger'), foreign],
      }),
    ],
  ];

  test.each(lists)('%s fit into the headers that a Node server takes', async (_, propagator) => {
    const server = createServer((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const sent = request({ host: '127.0.0.1', port, headers: { 'x-own': 'o'.repeat(3000) } });
    const context = large();
    propagator.inject(context, sent, carrierSetter);
    sent.end();
    const [answer] = await once(sent, 'response');
    expect(answer.statusCode).toBe(200);
    const headers = JSON.parse((await answer.toArray()).join('')) as Record<string, string>;
    server.close();

    // Baggage keeps what its specification demands; members are whole.
    const members = propagation
      .getBaggage(new W3CBaggagePropagator().extract(ROOT_CONTEXT, headers))
      ?.getAllEntries();
    expect(members?.length).toBe(64);
    for (const [name, value] of Object.entries(headers))
      if (name.startsWith('uberctx-')) expect(value).toBe('v'.repeat(119));
    for (const member of headers.tracestate?.split(',') ?? []) expect(member).toMatch(/^key\d+=x{240}$/);
    const bytes = Object.entries(headers).reduce(
      (sum, [name, value]) => sum + name.length + value.length + 4,
      0,
    );
    expect(bytes - 3000 - 200).toBeLessThanOrEqual(12_288);
  });

  it('Jaeger alone has the room that Jaeger has', () => {
    const out: Record<string, string> = {};
    new JaegerPropagator().inject(large(), out, carrierSetter);
    expect(Object.keys(out).filter((name) => name.startsWith('uberctx-')).length).toBeGreaterThan(55);
  });
});
