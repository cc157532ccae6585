// A process of its own for each scenario, because what is checked is global. Run by self-check.test.ts; prints JSON.

import { channel, subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import {
  type ContextManager,
  context,
  DiagLogLevel,
  diag,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CBaggagePropagator } from '@opentelemetry/core';
import { AlwaysOffSampler, TracerProvider, type TracerProviderOptions } from '@opentelemetry/sdk-trace';
import { Scope } from '@throughline/core/seam';
import { createTraceHeaders, tracedFetch, traceHeaders, traceInterceptor } from '@throughline/fetch';
import { traceNodeExchange } from '@throughline/http';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { selfCheck, tracingStatus } from '@throughline/self-check';
import axios from 'axios';
import got from 'got';
import { Agent, request as undici } from 'undici';
import { w3c } from '../../../core/test/sdk.ts';

/** What one scenario made the process say. */
export interface Announced {
  /** Codes of the process's warnings, in their order. */
  readonly warnings: readonly string[];
  readonly texts: readonly string[];
  readonly diag: readonly string[];
  readonly status: readonly string[];
  readonly thrown?: string;
}

const named = { attributes: { 'service.name': 'orders' } } as unknown as NonNullable<
  TracerProviderOptions['resource']
>;

interface Parts {
  provider?: TracerProviderOptions | false;
  contextManager?: ContextManager | false;
  propagator?: TextMapPropagator | false;
}

/** Registers an SDK, whole unless a part is left out. */
function start({ provider, contextManager, propagator }: Parts = {}): void {
  if (provider !== false) trace.setGlobalTracerProvider(provide(provider));
  if (contextManager !== false)
    context.setGlobalContextManager(contextManager ?? new AsyncLocalStorageContextManager().enable());
  if (propagator !== false) propagation.setGlobalPropagator(propagator ?? w3c());
}

const provide = (options: TracerProviderOptions = {}) => new TracerProvider({ ...whole(options) });
const whole = (options: TracerProviderOptions): TracerProviderOptions => ({ resource: named, ...options });

const tracerOf = (options: HttpServerOptions = {}) =>
  createHttpServerTracer(options, new Scope('core', 'createHttpServerTracer()'), selfCheck);

const request = (target = '/') => ({ method: 'GET', target, scheme: 'http' as const, headers: {} });

function serve(options?: HttpServerOptions, times = 1): void {
  const tracer = tracerOf(options);
  for (let done = 0; done < times; done++) tracer.start(request()).end({ statusCode: 200 });
}

async function listening(listener: Parameters<typeof createServer>[1]) {
  const server = createServer(listener as never).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

/** Node's own `fetch`, as instrumentation of undici sees it: it adds its header when a request is created. */
async function fetchWith(headers: Record<string, string>, added: string | undefined): Promise<void> {
  const { url, close } = await listening((_req, res) => res.end());
  const created = channel('undici:request:create');
  const add = (message: unknown) =>
    (message as { request: { addHeader(name: string, value: string): void } }).request.addHeader(
      'traceparent',
      added as string,
    );
  if (added !== undefined) created.subscribe(add);
  await (await fetch(url, { headers: { ...headers, connection: 'close' } })).text();
  created.unsubscribe(add);
  close();
}

async function stackContextManager(): Promise<ContextManager> {
  const file = new URL('StackContextManager.mjs', import.meta.resolve('@opentelemetry/sdk-trace'));
  return new (await import(file.href)).StackContextManager().enable();
}

/** Another copy of the API, by the folder that self-check.test.ts has made. */
const copyOf = (version: string) =>
  createRequire(import.meta.url)(`${process.env.API_COPIES}/${version}/node_modules/@opentelemetry/api`);

const b3: TextMapPropagator = {
  fields: () => ['b3'],
  inject: (_context, carrier, setter) => setter.set(carrier, 'b3', '1'),
  extract: (from) => from,
};

/** What all copies of Sentry's SDK share. */
function startSentry(options: object): void {
  const client = { getOptions: () => options };
  const own = { defaultCurrentScope: { getClient: () => client } };
  Object.assign(globalThis, { __SENTRY__: { version: '11.12.0', '11.12.0': own } });
}

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** Starts a tracer by middleware of its own, in one server: `count` of them. */
async function mountedTimes(count: number, sameTracer = false): Promise<void> {
  const one = tracerOf();
  const tracers = Array.from({ length: count }, () => (sameTracer ? one : tracerOf()));
  const { url, close } = await listening((req, res) => {
    for (const tracer of tracers) traceNodeExchange(tracer, req, res, { route: () => '/' });
    res.end();
  });
  await (await fetch(url, { headers: { connection: 'close' } })).text();
  close();
}

/** Serves one request as Next does, around which a server of ours is. */
async function aroundNext(options?: HttpServerOptions): Promise<void> {
  start();
  const tracer = tracerOf(options);
  let over: Promise<unknown> | undefined;
  const { url, close } = await listening((req, res) => {
    traceNodeExchange(tracer, req, res);
    over = once(res, 'close');
    Object.assign(req, { [Symbol.for('NextInternalRequestMeta')]: {} });
    res.end();
  });
  await (await fetch(url, { headers: { connection: 'close' } })).text();
  await over;
  close();
}

type Call = (url: string) => Promise<unknown>;

const byHttp = (url: string, headers: Record<string, string> = {}) =>
  new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (res) => res.resume().on('close', resolve)).on('error', reject);
  });

async function byHttp2(url: string, headers: Record<string, string> = {}): Promise<void> {
  const server = createHttp2Server((_req, res) => res.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = session.request({ ':path': new URL(url).pathname, ...headers });
  await once(stream.resume(), 'close');
  session.close();
  server.close();
}

const close = { connection: 'close' };

const BARE_CALLS = {
  fetch: async (url) => (await fetch(url, { headers: close })).text(),
  undici: async (url) => (await undici(url, { headers: close })).body.text(),
  'node:http': (url) => byHttp(url),
  axios: (url) => axios.get(url, { headers: close }),
  got: (url) => got(url, { headers: close }),
  'node:http2': (url) => byHttp2(url),
} satisfies Record<string, Call>;

const TRACED_CALLS: Record<string, Call> = {
  tracedFetch: async (url) => (await tracedFetch(url, { headers: close })).text(),
  'tracedFetch that tells nothing': async (url) =>
    (await tracedFetch(url, { headers: close, trace: { propagate: false } })).text(),
  traceInterceptor: async (url) =>
    (await undici(url, { headers: close, dispatcher: new Agent().compose(traceInterceptor()) })).body.text(),
  'fetch with headers': async (url) =>
    (await fetch(url, { headers: { ...close, ...traceHeaders(url) } })).text(),
  'undici with headers': async (url) =>
    (await undici(url, { headers: { ...close, ...traceHeaders(url) } })).body.text(),
  'node:http with headers': (url) => byHttp(url, traceHeaders(url)),
  'axios with headers of no address': (url) => axios.get(url, { headers: { ...close, ...traceHeaders() } }),
  'got with headers in B3': (url) => got(url, { headers: { ...close, b3: '0' } }),
  'node:http2 with headers': (url) => byHttp2(url, traceHeaders(url)),
  'node:http that is to tell nothing': (url) => byHttp(url, createTraceHeaders({ propagateTo: 'none' })(url)),
};

async function withOrigin(call: Call): Promise<void> {
  const origin = await listening((_req, res) => res.end());
  await call(`${origin.url}path?secret=1`);
  origin.close();
}

async function inRequest(call: Call, times = 1, parts = {}, options: HttpServerOptions = {}): Promise<void> {
  const exchange = tracerOf(options).start({ ...request(), ...parts });
  await exchange.run(async () => {
    for (let done = 0; done < times; done++) await withOrigin(call);
  });
  exchange.end({ statusCode: 200 });
}

const SCENARIOS: Record<string, () => unknown> = {
  healthy() {
    start();
    serve();
  },
  'healthy, SDK started after mounting'() {
    const tracer = tracerOf();
    start();
    tracer.start(request()).end({ statusCode: 200 });
  },
  'healthy, every part given by options'() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    serve({ tracerProvider: provide(), propagator: w3c() });
  },
  'healthy, throw'() {
    start();
    serve({ selfCheck: 'throw' });
  },
  async 'healthy, a call and a job'() {
    start();
    await fetchWith({ traceparent: TRACEPARENT }, undefined);
    const tracer = tracerOf();
    const exchange = tracer.start(request());
    exchange.run(() => traceHeaders());
    exchange.end({ statusCode: 200 });
    // Nothing is in progress any more.
    traceHeaders();
  },

  'nothing registered': () => serve(),
  'nothing registered, twice': () => serve({}, 3),
  'nothing registered, mounted twice': () => [serve(), serve()],
  'nothing registered, off': () => serve({ selfCheck: 'off' }),
  'nothing registered, throw': () => serve({ selfCheck: 'throw' }),
  'nothing registered, nothing served': () => tracerOf(),
  'started after the first request'() {
    serve();
    start();
  },

  'registered through an older API'() {
    const old = copyOf('1.9.1');
    old.trace.setGlobalTracerProvider(provide());
    old.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    serve();
  },
  'refused through an older API'() {
    copyOf('1.9.1').trace.setGlobalTracerProvider(provide());
    serve();
  },
  'registered through a newer API'() {
    const newer = copyOf('1.99.0');
    newer.trace.setGlobalTracerProvider(provide());
    newer.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    newer.propagation.setGlobalPropagator(w3c());
    serve();
  },

  'no context manager'() {
    start({ contextManager: false });
    serve();
  },
  'no context manager, throw'() {
    start({ contextManager: false });
    serve({ selfCheck: 'throw' });
  },
  async 'synchronous context manager'() {
    start({ contextManager: await stackContextManager() });
    serve();
  },
  'throwing context manager'() {
    const throwing = (): never => {
      throw new Error('broken');
    };
    const broken: ContextManager = {
      active: () => ROOT_CONTEXT,
      with: throwing,
      bind: (_context, target) => target,
      enable: () => broken,
      disable: () => broken,
    };
    start({ contextManager: broken });
    serve();
  },

  'no propagator'() {
    start({ propagator: false });
    serve();
  },
  'propagator of baggage alone'() {
    start({ propagator: new W3CBaggagePropagator() });
    serve();
  },
  'no propagator, one given by option'() {
    start({ propagator: false });
    serve({ propagator: w3c() });
  },
  'throwing propagator'() {
    start({
      propagator: {
        ...b3,
        inject() {
          throw new Error('broken');
        },
      },
    });
    serve();
  },
  'b3 alone'() {
    start({ propagator: b3 });
    serve();
  },

  'a newer copy is loaded'() {
    copyOf('1.99.0');
    start();
    serve();
  },
  'an older copy is loaded'() {
    copyOf('1.9.1');
    start();
    serve();
  },

  'another SERVER span is active'() {
    start();
    const span = trace
      .getTracer('@opentelemetry/instrumentation-http')
      .startSpan('GET', { kind: SpanKind.SERVER, attributes: { 'url.path': '/' } });
    context.with(trace.setSpan(ROOT_CONTEXT, span), () => serve());
  },
  'another tracer shows nothing of its span'() {
    start();
    const tracer = tracerOf();
    const { traceId, spanId } = trace.getTracer('another').startSpan('request').spanContext();
    const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: 0 });
    context.with(trace.setSpan(ROOT_CONTEXT, span), () => tracer.start(request()).end({ statusCode: 200 }));
    serve();
  },
  'dd-trace without its bridge'() {
    subscribe('apm:http:client:request:start', () => {});
    serve();
  },
  'dd-trace without its bridge, switched off on purpose'() {
    process.env.OTEL_SDK_DISABLED = 'true';
    subscribe('apm:http:client:request:start', () => {});
    serve();
  },
  'Sentry without OpenTelemetry'() {
    startSentry({ propagateTraceparent: true });
    serve();
  },
  'Sentry that writes no traceparent'() {
    startSentry({});
    serve();
  },
  'a propagator that writes the active context alone'() {
    const written = w3c();
    const propagator: TextMapPropagator = {
      fields: () => written.fields(),
      extract: (...args) => written.extract(...args),
      inject(from, carrier, setter) {
        if (from === context.active()) written.inject(from, carrier, setter);
      },
    };
    start({ propagator });
    serve();
  },

  async 'two traceparent headers'() {
    start();
    serve();
    await fetchWith({ traceparent: TRACEPARENT }, TRACEPARENT);
    await fetchWith({ traceparent: TRACEPARENT }, TRACEPARENT);
  },
  async 'two traceparent values in one header'() {
    start();
    serve();
    await fetchWith({ traceparent: `${TRACEPARENT}, ${TRACEPARENT}` }, undefined);
  },
  async 'one traceparent header'() {
    start();
    serve();
    await fetchWith({}, TRACEPARENT);
  },

  'mounted twice': () => [start(), mountedTimes(2)][1],
  'around Next': () => aroundNext(),
  'around Next, in production': () => aroundNext(),
  'around Next, whose requests are ignored': () => aroundNext({ ignore: () => true }),
  'around Next, where nothing is looked at': () => aroundNext({ selfCheck: 'off' }),
  'passed through the same middleware twice': () => [start(), mountedTimes(2, true)][1],

  async 'a call outside of the trace'() {
    start();
    const exchange = tracerOf().start(request());
    const { url, close } = await listening((_req, res) => res.end());
    await (await tracedFetch(url, { headers: { connection: 'close' } })).text();
    close();
    exchange.end({ statusCode: 200 });
  },
  'headers outside of the trace'() {
    start();
    const exchange = tracerOf().start(request());
    traceHeaders();
    exchange.end({ statusCode: 200 });
  },
  'a call without an SDK'() {
    const exchange = tracerOf().start(request());
    exchange.run(() => traceHeaders());
  },
  'a call of an ignored request'() {
    start();
    const exchange = tracerOf({ ignore: () => true }).start(request());
    exchange.run(() => traceHeaders());
  },

  ...Object.fromEntries(
    Object.entries(BARE_CALLS).map(([client, call]) => [
      `a bare call by ${client}`,
      async () => {
        start();
        await inRequest(call, 3);
        if (channel('http.client.request.start').hasSubscribers === /http$|axios|got/.test(client))
          throw new Error('the channel of node:http');
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(TRACED_CALLS).map(([client, call]) => [
      `a traced call by ${client}`,
      async () => {
        start();
        await inRequest(call);
      },
    ]),
  ),
  async 'bare calls of a request without an SDK'() {
    await inRequest(BARE_CALLS.fetch, 1, { headers: { traceparent: TRACEPARENT } });
  },
  async 'bare calls in production'() {
    start();
    for (const call of Object.values(BARE_CALLS)) await inRequest(call);
    for (const name of ['undici:request:create', 'http.client.request.start', 'http2.client.stream.start'])
      if (channel(name).hasSubscribers) throw new Error(`${name} is listened to`);
  },
  async 'bare calls outside of a request'() {
    start();
    serve();
    for (const call of Object.values(BARE_CALLS)) await withOrigin(call);
  },
  async 'bare calls of an ignored request'() {
    start();
    await inRequest(BARE_CALLS.fetch, 1, {}, { ignore: () => true });
  },
  async 'bare calls where nothing is looked at'() {
    start();
    await inRequest(BARE_CALLS.fetch, 1, {}, { selfCheck: 'off' });
  },
  async 'bare calls to which an instrumentation adds headers'() {
    start();
    serve();
    // Behind us, as those are that start late.
    const add = (message: unknown) =>
      (message as { request: { addHeader(name: string, value: string): void } }).request.addHeader(
        'traceparent',
        TRACEPARENT,
      );
    channel('undici:request:create').subscribe(add);
    await inRequest(BARE_CALLS.fetch);
    channel('undici:request:create').unsubscribe(add);
  },

  'service without a name'() {
    start({ provider: { resource: undefined } as unknown as TracerProviderOptions });
    serve();
  },
  async 'name of the service not known yet'() {
    const pending = {
      ...named,
      attributes: { 'service.name': 'unknown_service:node' },
      asyncAttributesPending: true,
    };
    start({ provider: { resource: pending as never } });
    serve();
  },

  '200 requests unsampled'() {
    start({ provider: { sampler: new AlwaysOffSampler() } });
    serve({}, 200);
  },
  '199 requests unsampled'() {
    start({ provider: { sampler: new AlwaysOffSampler() } });
    serve({}, 199);
  },
  '199 requests unsampled, one sampled'() {
    let asked = 0;
    const sampler = {
      shouldSample: () => ({ decision: ++asked === 200 ? 2 : 0 }),
      toString: () => 'the last',
    };
    start({ provider: { sampler } });
    serve({}, 300);
  },
  '200 requests ignored'() {
    start();
    serve({ ignore: () => true }, 200);
  },
};

const warnings: (Error & { code?: string; detail?: string })[] = [];
process.on('warning', (warning) => {
  if (warning.name === 'ThroughlineWarning') warnings.push(warning);
});
const lines: string[] = [];
const log = (line: string) => void (line.includes('TL0') && lines.push(line));
// The logger is registered too, and whoever comes first decides which versions of the API may follow.
if (!process.argv[2]?.startsWith('registered through'))
  diag.setLogger(
    { error: log, warn: log, info: log, debug: log, verbose: log },
    { logLevel: DiagLogLevel.INFO },
  );

let thrown: string | undefined;
try {
  const scenario = SCENARIOS[process.argv[2] ?? ''];
  if (scenario === undefined) throw new Error(`no scenario ${process.argv[2]}`);
  await scenario();
} catch (error) {
  thrown = String(error);
}
// Warnings are emitted in the next tick.
await new Promise((turn) => setImmediate(turn));
const announced: Announced = {
  warnings: warnings.map(({ code }) => code ?? ''),
  texts: warnings.map(({ message, detail }) => `${message}\n${detail}`),
  diag: lines,
  status: tracingStatus().map(({ code }) => code),
  ...(thrown !== undefined && { thrown }),
};
console.log(JSON.stringify(announced));
