import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { Scope } from '@throughline/core/seam';
import {
  createHttpClientTracer,
  createHttpServerTracer,
  createOutboundInjection,
  type HttpClientOptions,
  type HttpServerOptions,
} from '@throughline/http-semantics';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSdk, stopSdk, TRACEPARENT, UNSAMPLED } from '../../core/test/sdk.ts';

// The README's section "When each callback is called" is what these hold to.

let calls: string[];
beforeEach(() => {
  calls = [];
  startSdk();
});
afterEach(stopSdk);

/** Notes that a callback was called, and returns what it is to answer. */
function noted<T>(call: string, answer: T): T {
  calls.push(call);
  return answer;
}

const SERVER: HttpServerOptions = {
  trust: () => noted('trust', 'continue'),
  ignore: ({ target }) => noted('ignore', target === '/health'),
  spanName: (_, route) => noted(`spanName ${route}`, 'name'),
  attributes: () => noted('attributes', {}),
  requestHook: ({ extraction }) => noted(`requestHook ${extraction}`, undefined),
  responseHook: ({ outcome }) => noted(`responseHook ${outcome.statusCode}`, undefined),
};

function serve(target: string, traceparent: string): string[] {
  const request = { method: 'GET', target, scheme: 'http', headers: { traceparent } } as const;
  const exchange = createHttpServerTracer(SERVER).start(request);
  exchange.run(() => calls.push('handler'));
  exchange.end({ statusCode: 200, route: '/items/:id' });
  return calls;
}

test('a server calls them in the order of the README', () => {
  expect(serve('/items/1', TRACEPARENT)).toEqual([
    'trust',
    'ignore',
    'spanName undefined',
    'attributes',
    'requestHook continued',
    'handler',
    'spanName /items/:id',
    'responseHook 200',
  ]);
});

test('a server calls nothing after ignore, and no hook for a span that is not recorded', () => {
  expect(serve('/health', TRACEPARENT)).toEqual(['trust', 'ignore', 'handler']);
  calls.length = 0;
  expect(serve('/items/1', UNSAMPLED)).toEqual([
    'trust',
    'ignore',
    'spanName undefined',
    'attributes',
    'handler',
  ]);
  stopSdk();
  calls.length = 0;
  expect(serve('/items/1', TRACEPARENT)).toEqual(['trust', 'ignore', 'handler']);
});

test('a server names and describes no span of another instrumentation before the end', () => {
  const other = trace
    .getTracer('@opentelemetry/instrumentation-http')
    .startSpan('GET', { kind: SpanKind.SERVER, attributes: { 'url.path': '/items/1' } }, ROOT_CONTEXT);
  context.with(trace.setSpan(ROOT_CONTEXT, other), () => serve('/items/1', TRACEPARENT));
  expect(calls).toEqual([
    'trust',
    'ignore',
    'requestHook continued',
    'handler',
    'spanName /items/:id',
    'responseHook 200',
  ]);
});

const CLIENT: HttpClientOptions = {
  ignore: ({ method }) => noted('ignore', method === 'OPTIONS'),
  spanName: () => noted('spanName', 'name'),
  attributes: () => noted('attributes', {}),
  requestHook: ({ request }) => noted(`requestHook ${request.url.pathname}`, undefined),
  responseHook: ({ outcome }) => noted(`responseHook ${outcome.statusCode}`, undefined),
  propagateTo: [() => noted('propagateTo', true)],
  baggageTo: [() => noted('baggageTo', true)],
};

function call(method: string): string[] {
  const url = new URL('http://stock.internal/left');
  const start = createHttpClientTracer(CLIENT, new Scope('http-semantics', 'callback order'));
  const { context, end } = start({ method, url }, ROOT_CONTEXT);
  createOutboundInjection(CLIENT)(context, {}, { url });
  calls.push('sent');
  end({ statusCode: 200 });
  return calls;
}

test('a client calls them in the order of the README', () => {
  expect(propagation.fields()).toContain('traceparent');
  expect(call('GET')).toEqual([
    'ignore',
    'spanName',
    'attributes',
    'requestHook /left',
    'propagateTo',
    'baggageTo',
    'sent',
    'responseHook 200',
  ]);
  calls.length = 0;
  expect(call('OPTIONS')).toEqual(['ignore', 'propagateTo', 'baggageTo', 'sent']);
});
