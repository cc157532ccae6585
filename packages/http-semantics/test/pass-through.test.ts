import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { activeContext, extractContext, injectContext, runInContext } from '@throughline/core';
import { traceHeaders } from '@throughline/fetch';
import { createHttpServerTracer } from '@throughline/http-semantics';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startSdk, stopSdk, TRACE_ID, TRACEPARENT, w3c } from '../../core/test/sdk.ts';

afterEach(stopSdk);
const onward = (headers: Record<string, unknown>) => injectContext({}, { context: extractContext(headers) });

describe('without an SDK, beside a tracer that writes its own', () => {
  const received = { traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'k=v' };
  const sentry = (options: object) => {
    const own = { defaultCurrentScope: { getClient: () => ({ getOptions: () => options }) } };
    vi.stubGlobal('__SENTRY__', { version: '11.12.0', '11.12.0': own });
  };
  const listener = () => {};
  afterEach(() => {
    vi.unstubAllGlobals();
    for (const channel of DD_TRACE) unsubscribe(channel, listener);
  });
  const DD_TRACE = ['apm:http:client:request:start', 'tracing:apm:fetch:request:start'];

  test.each<[string, () => void]>([
    ...DD_TRACE.map((channel): [string, () => void] => [
      `dd-trace, by ${channel}`,
      () => subscribe(channel, listener),
    ]),
    ['Sentry', () => sentry({ propagateTraceparent: true })],
  ])('%s: nothing is passed on, from then on', (_, start) => {
    expect(onward(received)).toEqual(received);
    start();
    expect(onward(received)).toEqual({});
    expect(injectContext({ own: '1' }, { context: extractContext(received) })).toEqual({ own: '1' });
    runInContext(extractContext(received), () => expect(traceHeaders('http://127.0.0.1/')).toEqual({}));
  });

  test.each<[string, () => void]>([
    ['Sentry that writes no traceparent', () => sentry({})],
    ['Sentry before it starts', () => vi.stubGlobal('__SENTRY__', { version: '11.12.0' })],
    [
      'a Sentry of another shape',
      () => vi.stubGlobal('__SENTRY__', { version: '1', 1: { defaultCurrentScope: 1 } }),
    ],
    [
      'a global that throws',
      () =>
        vi.stubGlobal('__SENTRY__', {
          version: '1',
          get 1() {
            throw new Error('broken');
          },
        }),
    ],
  ])('%s: the fields are passed on', (_, start) => {
    start();
    expect(onward(received)).toEqual(received);
  });
});

test('a propagator that writes the active context alone gets to write others too', () => {
  startSdk();
  const written = w3c();
  const seen: unknown[] = [];
  propagation.disable();
  propagation.setGlobalPropagator({
    fields: () => written.fields(),
    extract: (...args) => written.extract(...args),
    inject(from, carrier, setter) {
      seen.push(from);
      if (from === context.active()) written.inject(from, carrier, setter);
    },
  });
  expect(onward({ traceparent: TRACEPARENT })).toEqual({ traceparent: TRACEPARENT });
  seen.length = 0;
  expect(onward({ traceparent: TRACEPARENT })).toEqual({ traceparent: TRACEPARENT });
  expect(seen).toHaveLength(1);
});

describe('without an SDK', () => {
  test.each<[string, Record<string, string>]>([
    ['traceparent', { traceparent: TRACEPARENT }],
    ['all three', { traceparent: TRACEPARENT, tracestate: 'a=1,b=2 ', baggage: 'k=v;p=1 , %ZZ=?' }],
    ['flags that no version defines', { traceparent: TRACEPARENT.replace(/01$/, 'ff') }],
    ['a later version with more behind', { traceparent: `cc${TRACEPARENT.slice(2)}-what-ever` }],
    ['baggage alone', { baggage: 'k=v' }],
  ])('passes on byte for byte: %s', (_, headers) => {
    expect(onward(headers)).toEqual(headers);
  });

  test.each<[string, string]>([
    ['no traceparent at all', 'hello'],
    ['version ff', `ff${TRACEPARENT.slice(2)}`],
    ['version 00 with more behind', `${TRACEPARENT}-more`],
    ['an all-zero trace id', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['an all-zero span id', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['upper case', TRACEPARENT.toUpperCase()],
    ['two joined into one', `${TRACEPARENT}, ${TRACEPARENT}`],
    ['a line break', `${TRACEPARENT}\r\nx: y`],
  ])('passes on neither a broken traceparent nor its tracestate: %s', (_, traceparent) => {
    expect(onward({ traceparent, tracestate: 'a=1', baggage: 'k=v' })).toEqual({ baggage: 'k=v' });
  });

  test('keeps several baggage and tracestate values as one list', () => {
    expect(onward({ traceparent: TRACEPARENT, tracestate: ['a=1', 'b=2'], baggage: ['k=v', 'l=w'] })).toEqual(
      {
        traceparent: TRACEPARENT,
        tracestate: 'a=1,b=2',
        baggage: 'k=v,l=w',
      },
    );
  });

  test('the exchange carries the fields to outgoing calls and says that the trace continued', async () => {
    const exchange = createHttpServerTracer().start({
      method: 'GET',
      target: '/',
      scheme: 'http',
      headers: { traceparent: TRACEPARENT },
    });
    expect(exchange.extraction).toBe('continued');
    expect(exchange.span.isRecording()).toBe(false);
    const seen = await exchange.run(async () => {
      await new Promise((turn) => setImmediate(turn));
      return traceHeaders();
    });
    expect(seen).toEqual({ traceparent: TRACEPARENT });
    expect(traceHeaders()).toEqual({});
    exchange.end({ statusCode: 200 });
  });

  test.each(['restart', 'ignore'] as const)('a caller under %s is not passed on', (trust) => {
    const exchange = createHttpServerTracer({ trust }).start({
      method: 'GET',
      target: '/',
      scheme: 'http',
      headers: { traceparent: TRACEPARENT, baggage: 'k=v' },
    });
    expect(exchange.run(() => traceHeaders())).toEqual({});
    expect(exchange.extraction).toBe('untrusted');
  });

  test('a registered propagator without fields is somebody’s choice and is not replaced', () => {
    propagation.setGlobalPropagator({ fields: () => [], inject() {}, extract: (from) => from });
    expect(onward({ traceparent: TRACEPARENT })).toEqual({});
  });
});

describe('an SDK that comes and goes', () => {
  test('is used from the moment it is registered, left when disabled, and used again', () => {
    const tracer = createHttpServerTracer();
    const serve = () => {
      const exchange = tracer.start({ method: 'GET', target: '/', scheme: 'http', headers: {} });
      const inside = exchange.run(() => trace.getSpan(activeContext())?.spanContext().spanId);
      exchange.end({ statusCode: 200 });
      return inside;
    };
    expect(serve()).toBeUndefined();
    for (let round = 0; round < 2; round++) {
      const spans = startSdk();
      const spanId = serve();
      expect(spans.ended.map((span) => span.spanContext().spanId)).toEqual([spanId]);
      stopSdk();
      expect(serve()).toBeUndefined();
      expect(spans.ended).toHaveLength(1);
    }
  });
});

describe('runInContext under a hostile context manager', () => {
  const marked = extractContext({ traceparent: TRACEPARENT });
  const failure = new Error('from the handler');
  type With = (active: unknown, fn: () => unknown) => unknown;
  const MANAGERS: [string, (real: With) => With][] = [
    ['works', (real) => real],
    [
      'throws before the callback',
      () => () => {
        throw new Error('before');
      },
    ],
    [
      'throws after the callback',
      (real) => (active, fn) => {
        real(active, fn);
        throw new Error('after');
      },
    ],
    ['never calls it', () => () => undefined],
    ['calls it twice', (real) => (active, fn) => [real(active, fn), fn()]],
    ['calls it later', (real) => (active, fn) => void setImmediate(() => real(active, fn))],
    [
      'swallows what it throws',
      (real) => (active, fn) => {
        try {
          return real(active, fn);
        } catch {
          return undefined;
        }
      },
    ],
    [
      'returns something else',
      (real) => (active, fn) => {
        real(active, fn);
        return 'else';
      },
    ],
  ];

  test.each(MANAGERS)('one that %s', async (_, spoil) => {
    const manager = new AsyncLocalStorageContextManager().enable();
    const real: With = (active, fn) =>
      AsyncLocalStorageContextManager.prototype.with.call(manager, active as never, fn);
    context.setGlobalContextManager(manager);
    activeContext(); // The probe is made while the manager is still sane.
    Object.assign(manager, { with: spoil(real) });

    const handler = vi.fn(() => 'result');
    expect(runInContext(marked, handler)).toBe('result');
    const throwing = vi.fn(() => {
      throw failure;
    });
    let caught: unknown;
    try {
      runInContext(marked, throwing);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(failure);
    await new Promise((turn) => setImmediate(turn));
    expect(handler).toHaveBeenCalledTimes(1);
    expect(throwing).toHaveBeenCalledTimes(1);
  });

  test.each<[string, object]>([
    [
      'with() that throws from the start',
      {
        with: () => {
          throw new Error('no');
        },
      },
    ],
    ['with() that calls nothing', { with: () => undefined }],
    ['with() that activates nothing', { with: (_: unknown, fn: () => unknown) => fn() }],
    [
      'active() that throws',
      {
        active: () => {
          throw new Error('no');
        },
      },
    ],
  ])('one with %s is not used: the context is carried all the same', (_, spoiled) => {
    context.setGlobalContextManager(Object.assign(new AsyncLocalStorageContextManager().enable(), spoiled));
    expect(runInContext(marked, () => traceHeaders())).toEqual({ traceparent: TRACEPARENT });
    expect(activeContext()).toBe(ROOT_CONTEXT);
  });

  test('active() that throws later yields the root context', () => {
    const manager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    activeContext();
    Object.assign(manager, {
      active: () => {
        throw new Error('no');
      },
    });
    expect(activeContext()).toBe(ROOT_CONTEXT);
  });

  test('a registered propagator is asked for each call, so a delegating one may change', () => {
    propagation.setGlobalPropagator(w3c());
    expect(injectContext({}, { context: marked })).toEqual({});
    const again = extractContext({ traceparent: TRACEPARENT });
    expect(injectContext({}, { context: again })).toEqual({ traceparent: TRACEPARENT });
  });
});
