import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import {
  type Attributes,
  type Context,
  context,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type {
  HttpServerEndpoint,
  HttpServerSetup,
  HttpServerTraceOptions,
  ServedHttp,
} from '@throughline/testing';
import { type SentHead, watchHead } from './reference-wire.ts';

/** Ways in which an adapter can be wrong; each is planted into the reference adapter below, one at a time. */
export const SERVER_FAULTS = [
  'ends the span at next()',
  'ends the span when the handler returns',
  'ends the span on finish only',
  'ends the span twice',
  'writes to the span after its end',
  'never ends the span of a failed response',
  'invents a status code on abort',
  'calls an abort a success',
  'swallows errors',
  'wraps errors',
  'records no exception',
  'records the exception twice',
  'records secrets of errors',
  'marks 4xx as an error',
  'marks a thrown 4xx as an error',
  'leaves 5xx unset',
  'uses the raw path as route',
  'forgets the mount prefix',
  'puts names for values into the text of a mount path',
  'puts the raw path into the span name',
  'invents a route for 404',
  'keeps the query in url.path',
  'records secrets of the query',
  'trusts proxy headers unasked',
  'uses the raw method',
  'sets attributes after the start',
  'names no schema',
  'records cookies',
  'extracts from the active context',
  'never extracts',
  'does not activate the context',
  'leaks the context into the connection',
  'does not bind listeners',
  'breaks removeListener',
  'drops baggage',
  'drops unsampled contexts',
  'mounts twice, spans twice',
  'always makes a SERVER span',
  'believes every outer span',
  'captures the tracer at mount',
  'throws when a hook throws',
  'throws when the propagator throws',
  'throws when the sampler throws',
  'runs the handler twice when the context manager fails',
  'rejects malformed requests',
  'believes the first of several traceparents',
  'records no metric',
  'metric in milliseconds',
  'metric without buckets',
  'metric by path',
  'metric with another error.type',
  'keeps the socket open on timeout',
  'forgets the context of ignored requests',
  'mounts with wrong options',
  'measures ignored requests',
  'invents a traceparent without an SDK',
  'believes what callbacks return',
  'keeps the question mark in url.query',
  'redacts by substring',
  'takes the Host header whole',
  'distrusts proxy headers when told to trust them',
  'reads the request-target as a URL',
  'throws on a malformed request-target',
  'adds a response header',
  'throws when the meter provider throws',
  'swallows malformed requests',
  'loses the request when the context manager fails',
  'ignores the attributes option',
  'never gives back requests under way',
  'counts requests under way unasked',
  'listens for close like everybody else',
  'adds a listener to the connection for each request',
  'looks at the response alone',
  'believes the code of an error',
  'knows a request by its identity',
  'has one witness',
] as const;

export type ServerFault = (typeof SERVER_FAULTS)[number];

const SECRET_KEYS = [
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Goog-Signature',
];
const METHODS = 'GET,HEAD,POST,PUT,DELETE,CONNECT,OPTIONS,TRACE,PATCH,QUERY';
const SCHEMA = 'https://opentelemetry.io/schemas/1.45.0';
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const CONTEXT_FIELDS = ['traceparent', 'tracestate', 'baggage'];

/** Headers of the request being served, for outgoing calls without an SDK. */
const forwarded = new AsyncLocalStorage<Record<string, string>>();
const exchanges = new WeakMap<IncomingMessage, Exchange>();

interface Exchange {
  readonly ctx: Context;
  fail(error: unknown): void;
}

type Middleware = (
  req: IncomingMessage,
  res: ServerResponse,
  route: () => string | undefined,
  next: () => void,
) => void;

/** Spans of others that were active around an earlier request. */
const seenSpans = new WeakSet<Span>();

/** An application on node:http with a router of its own, traced by a hand-written adapter. */
export function serveReference(fault?: ServerFault): (setup: HttpServerSetup) => ServedHttp {
  return ({ endpoints, traceOptions, mounts, noteError }) => {
    const routes = endpoints.map((endpoint) => ({ endpoint, ...compile(endpoint) }));
    const layers = Array.from({ length: mounts }, () => traceContext(traceOptions, fault));

    const server = createServer((req, res) => {
      const [path = '/'] = String(req.url)
        .replace(/^https?:\/\/[^/?]*/, '')
        .split('?');
      const found = routes.find(
        ({ endpoint, pattern }) =>
          (endpoint.method === 'ALL' || endpoint.method === req.method) && pattern.test(path),
      );
      const route = (): string | undefined => found?.template;
      const fail = (error: unknown): void => {
        exchanges.get(req)?.fail(fault === 'wraps errors' ? new Error(String(error)) : error);
        if (fault === 'swallows errors') return void res.writeHead(200).end('fine');
        noteError(fault === 'wraps errors' ? new Error('wrapped', { cause: error }) : error);
        if (res.headersSent) return void res.destroy();
        const status = (error as { status?: number } | undefined)?.status ?? 500;
        res.writeHead(status, { 'content-type': 'text/plain' }).end(`failed ${status}`);
      };
      const handle = (): void => {
        if (!found) return void res.writeHead(404).end('not found');
        try {
          answer(found.endpoint, req, res, params(found.pattern, path)).catch(fail);
        } catch (error) {
          fail(error);
        }
      };
      const chain = layers.reduceRight<() => void>(
        (next, layer) => () => layer(req, res, route, next),
        handle,
      );
      try {
        chain();
      } catch (error) {
        fail(error);
      }
    });
    if (fault === 'swallows malformed requests') server.on('clientError', () => {});
    return { server };
  };
}

function answer(
  endpoint: HttpServerEndpoint,
  req: IncomingMessage,
  res: ServerResponse,
  params: Record<string, string>,
): Promise<void> {
  if (endpoint.style === 'raw') return Promise.resolve(endpoint.handle({ req, res, params })).then(() => {});
  const send = (reply: Awaited<ReturnType<HttpServerEndpoint['handle']>>): void => {
    const { status, headers, body } = reply ?? { status: 204, headers: {} };
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    res.writeHead(status);
    if (body === undefined || typeof body === 'string') res.end(body);
    else pipeline(body as Readable, res, () => {});
  };
  if (endpoint.method !== 'POST') {
    const replied = endpoint.handle({ req, res, params });
    if (replied instanceof Promise) return replied.then(send);
    send(replied);
    return Promise.resolve();
  }
  return (async () => {
    let text = '';
    for await (const chunk of req) text += chunk;
    send(await endpoint.handle({ req, res, params, body: JSON.parse(text) }));
  })();
}

/** The middleware under test: correct without a fault. */
function traceContext(options: HttpServerTraceOptions, fault: ServerFault | undefined): Middleware {
  if (fault !== 'mounts with wrong options') validate(options);
  const known = new Set((process.env.OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS ?? METHODS).split(','));
  const findTracer = () =>
    (options.tracerProvider ?? trace.getTracerProvider()).getTracer(
      'reference',
      '1.0.0',
      fault === 'names no schema' ? {} : { schemaUrl: SCHEMA },
    );
  const early = fault === 'captures the tracer at mount' ? trace.getTracerProvider() : undefined;
  const frozen =
    early && 'getDelegate' in early ? (early as { getDelegate(): typeof early }).getDelegate() : undefined;

  return (req, res, route, next) => {
    if (exchanges.has(req) && fault !== 'mounts twice, spans twice') return next();
    const guard = <T>(otherwise: T, fn: () => T): T => {
      try {
        return fn();
      } catch {
        return otherwise;
      }
    };
    const guardOption = fault === 'throws when a hook throws' ? <T>(_: T, fn: () => T): T => fn() : guard;
    const guardHook = (name: ServerFault, fn: () => unknown): void => {
      if (fault === name) return void fn();
      guard(undefined, () => {
        const result = fn();
        if (result instanceof Promise) result.catch(() => {});
      });
    };
    const target = String(req.url);
    const request = { method: req.method ?? '', target };
    const from = fault === 'extracts from the active context' ? context.active() : ROOT_CONTEXT;
    const [first, second] = req.headers.traceparent?.toString().split(', ') ?? [];
    const believed = second === undefined || fault === 'believes the first of several traceparents';
    const carrier = {
      ...req.headers,
      traceparent: believed ? first : undefined,
      ...(fault === 'drops baggage' && { baggage: undefined }),
    };
    const extract = (): Context =>
      fault === 'never extracts' ? from : (options.propagator ?? propagation).extract(from, carrier, GETTER);
    let remote = fault === 'throws when the propagator throws' ? extract() : guard(from, extract);
    if (fault === 'rejects malformed requests' && req.headers.traceparent && !trace.getSpanContext(remote)) {
      return void res.writeHead(400).end('bad trace');
    }
    const headersIn = Object.fromEntries(
      CONTEXT_FIELDS.flatMap((name) => {
        const value = name === 'traceparent' ? carrier.traceparent : req.headers[name];
        if (typeof value !== 'string') return [];
        if (name === 'traceparent' && !/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(value)) return [];
        return [[name, value]];
      }),
    );
    if (fault === 'invents a traceparent without an SDK')
      headersIn.traceparent ??= `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const run = (ctx: Context, fn: () => void): void => {
      let outcome: { error?: unknown } | undefined;
      const body = (): void => {
        try {
          forwarded.run(headersIn, fn);
          outcome = {};
        } catch (error) {
          outcome = { error };
        }
      };
      guard(undefined, () => context.with(ctx, body));
      if (!outcome && fault === 'loses the request when the context manager fails') return;
      if (!outcome || fault === 'runs the handler twice when the context manager fails') body();
      if (outcome && 'error' in outcome) throw outcome.error;
    };

    if (guardOption(false, () => options.ignore?.(request) ?? false)) {
      if (fault === 'measures ignored requests') {
        metrics.getMeter('reference').createHistogram('http.server.request.duration').record(1);
      }
      return run(fault === 'forgets the context of ignored requests' ? ROOT_CONTEXT : remote, next);
    }

    const outer = guard(undefined, () => trace.getSpan(context.active())) as
      | (Span & { kind?: SpanKind; attributes?: Attributes })
      | undefined;
    const path = pathOf(target);
    if (fault === 'adds a response header') res.setHeader('x-traced', 'yes');
    const borrowed =
      outer?.kind === SpanKind.SERVER &&
      outer.isRecording() &&
      (outer.attributes === undefined || outer.attributes['url.path'] === path) &&
      fault !== 'always makes a SERVER span'
        ? outer
        : undefined;
    // One that shows nothing is this request's when it is of the caller's trace, or was never seen before.
    const hidden = outer !== undefined && outer.kind === undefined && outer.isRecording();
    const above = hidden && (!seenSpans.has(outer) || fault === 'believes every outer span');
    if (hidden) seenSpans.add(outer);
    const parent = above && fault !== 'always makes a SERVER span' ? context.active() : remote;

    const method = known.has(request.method) ? request.method : '_OTHER';
    const verb = method === '_OTHER' ? 'HTTP' : method;
    const initial = attributesOf(req, options, known, fault);
    if (fault !== 'ignores the attributes option' && options.attributes) {
      const { attributes } = options;
      const extra = guardOption({}, () => attributes(request));
      if (fault === 'believes what callbacks return') Object.keys(extra);
      Object.assign(initial, extra);
    }
    const startedAt = performance.now();
    const startSpan = (): Span =>
      (frozen?.getTracer('reference') ?? findTracer()).startSpan(
        fault === 'puts the raw path into the span name' ? `${verb} ${path}` : verb,
        {
          kind: SpanKind.SERVER,
          ...(fault === 'sets attributes after the start' ? {} : { attributes: initial }),
        },
        parent,
      );
    const noSpan = trace.wrapSpanContext({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 });
    const span: Span =
      borrowed ?? (fault === 'throws when the sampler throws' ? startSpan() : guard(noSpan, startSpan));
    if (fault === 'sets attributes after the start') span.setAttributes(initial);
    if (borrowed) remote = context.active();
    let ctx = trace.setSpan(remote, span);
    if (fault === 'drops unsampled contexts' && span.spanContext().traceFlags === 0) ctx = ROOT_CONTEXT;
    guardHook('throws when a hook throws', () => options.requestHook?.({ span, request }));

    let error: unknown;
    let failed = false;
    let exceptions = 0;
    let over = false;
    let timedOut = false;
    const socket = req.socket;
    const onTimeout = (): void => {
      timedOut = true;
    };
    if (fault === 'keeps the socket open on timeout') res.on('timeout', onTimeout);
    if (fault === 'adds a listener to the connection for each request') socket.once('close', onTimeout);
    const head: SentHead = {};
    if (fault !== 'looks at the response alone') watchHead(socket, res, head);

    const active = (change: number): void => {
      if (!options.activeRequests && fault !== 'counts requests under way unasked') return;
      guard(undefined, () =>
        (options.meterProvider ?? metrics)
          .getMeter('reference', '1.0.0')
          .createUpDownCounter('http.server.active_requests', { unit: '{request}' })
          .add(change, { 'http.request.method': method, 'url.scheme': String(initial['url.scheme']) }),
      );
    };
    active(1);

    const end = (): void => {
      if (over) {
        if (fault === 'ends the span twice') span.end();
        return;
      }
      over = true;
      const { past = false } = head;
      const cut = !res.writableFinished && !past;
      const invented = fault === 'invents a status code on abort' || fault === 'calls an abort a success';
      const sent = fault === 'looks at the response alone' && res.headersSent ? res.statusCode : head.status;
      const status = sent ?? (invented ? res.statusCode : undefined);
      let template = route();
      if (fault === 'uses the raw path as route') template = path;
      if (fault === 'forgets the mount prefix')
        template = template?.replace(/^\/(api\/v1|tenants\/:tenantId)/, '');
      if (fault === 'puts names for values into the text of a mount path')
        template = template?.replace(/^\/tenants\/:tenantId/, () =>
          path
            .replace(/\/users\/.*/, '')
            .split('/')
            .map((part) => (/^[a-z]+$/.test(part) && part !== 'tenants' ? ':tenantId' : part))
            .join('/'),
        );
      if (fault === 'invents a route for 404') template ??= '/*';
      let errorType: string | undefined;
      if (cut && fault !== 'calls an abort a success') errorType = cutType(res, timedOut, fault);
      else if (status !== undefined && status >= (fault === 'marks 4xx as an error' ? 400 : 500))
        errorType = String(status);
      if (fault === 'marks a thrown 4xx as an error' && failed) errorType ??= 'TypeError';
      if (fault === 'leaves 5xx unset') errorType = cut ? errorType : undefined;
      span.setAttributes({
        ...(status === undefined ? {} : { 'http.response.status_code': status }),
        ...(template === undefined ? {} : { 'http.route': template }),
        ...(errorType === undefined ? {} : { 'error.type': errorType }),
      });
      if (options.captureResponseHeaders) {
        for (const name of options.captureResponseHeaders) {
          const value = res.getHeader(name);
          if (value !== undefined)
            span.setAttribute(`http.response.header.${name.toLowerCase()}`, [value].flat().map(String));
        }
      }
      if (errorType !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      if (failed && errorType !== undefined && fault !== 'records no exception' && exceptions === 0) {
        exceptions += 1;
        const { name, message } = error as Error;
        const told = /S3CRET/.test(message) && fault !== 'records secrets of errors';
        span.recordException(told ? { name, message: message.slice(0, 12) } : (error as Error));
        if (fault === 'records the exception twice') span.recordException(error as Error);
      }
      const name = guardOption<unknown>(undefined, () => options.spanName?.(request, template));
      if (fault !== 'puts the raw path into the span name') {
        span.updateName(
          typeof name === 'string' || (options.spanName && fault === 'believes what callbacks return')
            ? String(name)
            : template === undefined
              ? verb
              : `${verb} ${template}`,
        );
      }
      guardHook('throws when a hook throws', () =>
        options.responseHook?.({ span, request, outcome: { statusCode: status } }),
      );
      if (!borrowed) guard(undefined, () => span.end());
      if (fault === 'writes to the span after its end') span.setAttribute('late', true);
      if (fault !== 'never gives back requests under way') active(-1);
      if (fault === 'records no metric') return;
      const measure = (): void => {
        const seconds = (performance.now() - startedAt) / 1000;
        (options.meterProvider ?? metrics)
          .getMeter('reference', '1.0.0')
          .createHistogram('http.server.request.duration', {
            unit: 's',
            ...(fault === 'metric without buckets' ? {} : { advice: { explicitBucketBoundaries: BUCKETS } }),
          })
          .record(fault === 'metric in milliseconds' ? seconds * 1000 : seconds, {
            'http.request.method': method,
            'url.scheme': String(initial['url.scheme']),
            'network.protocol.version': req.httpVersion,
            ...(fault === 'metric by path' ? { 'url.path': path } : {}),
            ...(status === undefined ? {} : { 'http.response.status_code': status }),
            ...(template === undefined ? {} : { 'http.route': template }),
            ...(errorType === undefined
              ? {}
              : { 'error.type': fault === 'metric with another error.type' ? 'Error' : errorType }),
          });
      };
      if (fault === 'throws when the meter provider throws') measure();
      else guard(undefined, measure);
    };

    exchanges.set(req, {
      ctx,
      fail(thrown) {
        if (failed) return;
        failed = true;
        error = thrown;
      },
    });
    if (fault === 'ends the span on finish only') res.once('finish', end);
    else if (fault === 'never ends the span of a failed response')
      res.once('close', () => res.writableFinished && end());
    else if (fault === 'ends the span twice') res.once('finish', end).once('close', end);
    else if (fault === 'listens for close like everybody else') res.once('close', end);
    else {
      // Ahead of all listeners: a tracer that was here first ends its span in one, and an application may remove them.
      const { emit } = res;
      res.emit = function endingEmit(...event: unknown[]) {
        if (event[0] === 'timeout') onTimeout();
        if (event[0] === 'close') end();
        return emit.apply(res, event as never);
      };
      head.switched = end;
      if (fault !== 'has one witness') res.once('close', end);
      if (fault === 'knows a request by its identity' && res.req !== req) end();
    }

    if (fault !== 'does not bind listeners') {
      for (const emitter of [req, res]) guard(undefined, () => context.bind(ctx, emitter));
    }
    if (fault === 'breaks removeListener') {
      const { on } = req;
      req.on = (event, listener) => on.call(req, event, (...args) => listener.apply(req, args));
    }
    if (fault === 'leaks the context into the connection') leak(req, ctx);
    if (fault === 'does not activate the context') return next();
    run(ctx, next);
    if (fault === 'ends the span at next()') end();
    if (fault === 'ends the span when the handler returns') setImmediate(end);
  };
}

// What entering a context for good would do: whatever the connection brings next runs in it.
function leak(req: IncomingMessage, ctx: Context): void {
  const { server } = req.socket as typeof req.socket & { server: Server };
  const { emit } = server;
  server.emit = (...event: unknown[]) => context.with(ctx, () => emit.apply(server, event as never));
}

function cutType(res: ServerResponse, timedOut: boolean, fault: ServerFault | undefined): string {
  if (timedOut) return 'timeout';
  const { errored } = res as { errored?: (Error & { code?: string }) | null };
  const { socket } = res.req;
  if (errored && (errored.code !== 'ECONNRESET' || fault !== 'believes the code of an error'))
    return errored.code ?? errored.name;
  return socket.readableEnded || socket.errored ? 'client_disconnected' : 'response_destroyed';
}

function attributesOf(
  req: IncomingMessage,
  options: HttpServerTraceOptions,
  known: ReadonlySet<string>,
  fault: ServerFault | undefined,
): Attributes {
  const target = String(req.url);
  const original = req.method ?? '';
  const method = known.has(original) || fault === 'uses the raw method' ? original : '_OTHER';
  if (fault === 'throws on a malformed request-target') decodeURIComponent(target);
  const trusted =
    fault === 'trusts proxy headers unasked' ||
    (options.trustProxy === true && fault !== 'distrusts proxy headers when told to trust them');
  const proxy = trusted ? proxyOf(req) : {};
  const host = /^(\[[^\]]+\]|[^:]*)(?::(\d+))?$/.exec(proxy.host ?? req.headers.host ?? '');
  const from = fault === 'keeps the question mark in url.query' ? 0 : 1;
  const query = target.includes('?') ? target.slice(target.indexOf('?') + from) : undefined;
  const peer = req.socket.remoteAddress;
  const attributes: Attributes = {
    'http.request.method': method,
    'url.path': pathOf(target),
    'url.scheme': proxy.proto ?? 'http',
    'network.protocol.version': req.httpVersion,
  };
  if (fault === 'keeps the query in url.path') attributes['url.path'] = target;
  if (fault === 'reads the request-target as a URL') {
    attributes['url.path'] = new URL(target, 'http://a.test').pathname;
  }
  const add = (key: string, value: Attributes[string]): void => {
    if (value !== undefined) attributes[key] = value;
  };
  if (method !== original) add('http.request.method_original', original);
  if (query !== undefined) {
    const substring = fault === 'redacts by substring';
    add(
      'url.query',
      fault === 'records secrets of the query' ? query : redact(query, options.redactQuery, substring),
    );
  }
  add(
    'server.address',
    (fault === 'takes the Host header whole' ? req.headers.host : host?.[1]) || undefined,
  );
  add('server.port', host?.[2] ? Number(host[2]) : undefined);
  add('client.address', proxy.for ?? peer);
  add('network.peer.address', peer);
  add('network.peer.port', req.socket.remotePort);
  add('user_agent.original', req.headers['user-agent'] || undefined);
  if (fault === 'records cookies') add('http.request.header.cookie', req.headers.cookie);
  for (const name of options.captureRequestHeaders ?? []) {
    const value = req.headers[name.toLowerCase()];
    if (value !== undefined) add(`http.request.header.${name.toLowerCase()}`, [value].flat());
  }
  return attributes;
}

function proxyOf(req: IncomingMessage): { for?: string; host?: string; proto?: string } {
  const { forwarded: line } = req.headers;
  if (line !== undefined) {
    const [first = ''] = line.split(',');
    const pairs = first.split(';').map((pair) => pair.trim().split('=') as [string, string?]);
    const read = Object.fromEntries(
      pairs.map(([key, value = '']) => [key.toLowerCase(), value.replace(/^"|"$/g, '')]),
    );
    const client = /^(?:\[([^\]]+)\]|([^:]*))(?::\d+)?$/.exec(read.for ?? '');
    const address = client?.[1] ?? client?.[2];
    return {
      ...(address ? { for: address } : {}),
      ...(read.host ? { host: read.host } : {}),
      ...(read.proto ? { proto: read.proto } : {}),
    };
  }
  const first = (name: string): string | undefined =>
    String(req.headers[name] ?? '')
      .split(',')[0]
      ?.trim() || undefined;
  const [client, host, proto] = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'].map(first);
  return { ...(client ? { for: client } : {}), ...(host ? { host } : {}), ...(proto ? { proto } : {}) };
}

function pathOf(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/, '').split('?')[0] || '/';
}

function redact(query: string, keys: readonly string[] = SECRET_KEYS, substring = false): string {
  return query
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=');
      const name = pair.slice(0, at);
      const secret = substring ? keys.some((key) => name.includes(key)) : keys.includes(name);
      return at >= 0 && secret ? `${name}=REDACTED` : pair;
    })
    .join('&');
}

const GETTER = {
  keys: (carrier: object) => Object.keys(carrier),
  get: (carrier: object, key: string) =>
    (carrier as Record<string, string | string[] | undefined>)[key.toLowerCase()],
};

const FUNCTIONS = ['ignore', 'spanName', 'attributes', 'requestHook', 'responseHook'];
const LISTS = ['captureRequestHeaders', 'captureResponseHeaders', 'redactQuery'];

function validate(options: HttpServerTraceOptions): void {
  const given = options as Record<string, unknown>;
  const wrong = (name: string): never => {
    throw new TypeError(`[reference] traceContext(): options.${name} is of the wrong type`);
  };
  for (const name of FUNCTIONS) if (name in given && typeof given[name] !== 'function') wrong(name);
  for (const name of LISTS) {
    const list = given[name];
    if (name in given && !(Array.isArray(list) && list.every((one) => typeof one === 'string'))) wrong(name);
  }
  const has = (name: string, member: string): boolean =>
    typeof (given[name] as Record<string, unknown> | undefined)?.[member] === 'function';
  if ('tracerProvider' in given && !has('tracerProvider', 'getTracer')) wrong('tracerProvider');
  if ('meterProvider' in given && !has('meterProvider', 'getMeter')) wrong('meterProvider');
  if ('propagator' in given && !has('propagator', 'extract')) wrong('propagator');
}

function compile({ mounts, path }: HttpServerEndpoint): { template: string; pattern: RegExp } {
  const template = `${mounts.join('')}${path}`;
  const pattern = template.replace(/:(\w+)/g, '(?<$1>[^/]+)').replace('*', '.*');
  return { template, pattern: new RegExp(`^${pattern}$`) };
}

function params(pattern: RegExp, path: string): Record<string, string> {
  return { ...pattern.exec(path)?.groups };
}

/** The reference client for outgoing calls of the reference server. */
export const referenceFetch: typeof fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  if (propagation.fields().length === 0) {
    for (const [name, value] of Object.entries(forwarded.getStore() ?? {})) headers.set(name, value);
    return fetch(input, { ...init, headers });
  }
  const span = trace.getTracer('reference').startSpan('GET', { kind: SpanKind.CLIENT });
  propagation.inject(trace.setSpan(context.active(), span), headers, {
    set: (carrier, key, value) => carrier.set(key, value),
  });
  try {
    return await fetch(input, { ...init, headers });
  } finally {
    span.end();
  }
};
