import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type Context,
  context,
  createContextKey,
  diag,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type TraceState,
  trace,
} from '@opentelemetry/api';
import { createRedaction, isSecretHeader } from '@throughline/core/seam';
import { createPropagator, parseTraceState } from '@throughline/propagators';
import type { Request } from 'express';
import type { FastifyRequest } from 'fastify';
import type { Context as KoaContext } from 'koa';
import { startSdk } from '../process/sdk.ts';
import { ROUTE, type Variant } from '../process/variant.ts';

/**
 * The cheapest middleware that can be written by hand and keeps every default promise of Throughline: the limit of what
 * tidying our own code can reach on the official SDK.
 *
 * It has no options, one wire format, one fixed application and no shared parts. Per request it makes one exchange, one
 * context and one span; everything else is a function of this file, or Node's. What it records is compared with
 * Throughline's, span by span, in `limit-full.test.ts`.
 *
 * The promises: the conventions' attributes without secrets; one strictly read `traceparent`, tracestate and baggage kept
 * unread; the context active in the handler and in every listener of request and response; the status that was sent, who cut
 * the response short, and the error behind a 5xx; an end that neither `removeAllListeners()` nor a lost response prevents;
 * and no error of tracing in the application.
 */

const tracer = trace.getTracer('limit-full');
const redaction = createRedaction();
const METHODS = new Set('CONNECT,DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT,QUERY,TRACE'.split(','));

// Reading: `traceparent` by hand, the others kept as they came until someone reads them.

const SPAN_KEY = keyUsedBy((probe) => trace.setSpan(probe, trace.wrapSpanContext({} as SpanContext)));
const BAGGAGE_KEY = keyUsedBy((probe) => propagation.setBaggage(probe, propagation.createBaggage()));
const own = createPropagator();

function keyUsedBy(write: (probe: Context) => unknown): symbol {
  let found = createContextKey('none');
  const setValue = (key: symbol) => {
    found = key;
    return ROOT_CONTEXT;
  };
  write({ getValue: () => undefined, setValue, deleteValue: () => ROOT_CONTEXT });
  return found;
}

/** The context of one request: its span, and the caller's baggage. */
class RequestContext implements Context {
  readonly remote: SpanContext | undefined;
  readonly baggage: string | undefined;
  span: Span | undefined;

  constructor(remote: SpanContext | undefined, baggage: string | undefined, span: Span | undefined) {
    this.remote = remote;
    this.baggage = baggage;
    this.span = span;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY) return this.span;
    if (key !== BAGGAGE_KEY || this.baggage === undefined) return undefined;
    return propagation.getBaggage(own.extract(ROOT_CONTEXT, { baggage: this.baggage }));
  }

  setValue(key: symbol, value: unknown): Context {
    if (key === SPAN_KEY) return new RequestContext(this.remote, this.baggage, value as Span);
    return trace
      .setSpan(own.extract(ROOT_CONTEXT, { baggage: this.baggage }), this.span as Span)
      .setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.setValue(key, undefined);
  }
}

class UnreadTraceState implements TraceState {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get(key: string): string | undefined {
    return parseTraceState(this.#text).get(key);
  }

  set(key: string, value: string): TraceState {
    return parseTraceState(this.#text).set(key, value);
  }

  unset(key: string): TraceState {
    return parseTraceState(this.#text).unset(key);
  }

  serialize(): string {
    return parseTraceState(this.#text).serialize();
  }
}

const LENGTH = 55;

/** Returns the caller that version 00 names. A comma, from several lines, is no digit and no end. */
function readCaller(text: string | undefined, state: string | undefined): SpanContext | undefined {
  if (text?.length !== LENGTH || !text.startsWith('00-') || text[35] !== '-' || text[52] !== '-')
    return undefined;
  if (!isId(text, 3, 35) || !isId(text, 36, 52) || digit(text, 53) < 0 || digit(text, 54) < 0)
    return undefined;
  const traceId = text.slice(3, 35);
  const spanId = text.slice(36, 52);
  const traceFlags = digit(text, 54) & 3;
  return state === undefined
    ? { traceId, spanId, traceFlags, isRemote: true }
    : { traceId, spanId, traceFlags, isRemote: true, traceState: new UnreadTraceState(state) };
}

function isId(text: string, start: number, end: number): boolean {
  let seen = 0;
  for (let at = start; at < end; at++) {
    const value = digit(text, at);
    if (value < 0) return false;
    seen |= value;
  }
  return seen !== 0;
}

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

// Serving.

/** A part of a framework that knows the route of a request that is over. */
type RouteOf<S> = (source: S) => string | undefined;

interface Client {
  readonly address: string | undefined;
  readonly scheme: string;
  readonly host: string;
}

const EXCHANGE = Symbol('exchange');
const CURRENT = Symbol('current exchange');

type Traced<T> = T & { [EXCHANGE]?: Exchange };
type Connection = Socket & { [CURRENT]?: Exchange | undefined };

/** Starts a span for a request, and binds request and response to its context. */
function start<S>(
  req: IncomingMessage,
  res: ServerResponse,
  target: string,
  client: Client,
  routeOf: RouteOf<S>,
  source: S,
): Exchange {
  const { headers } = req;
  const traceparent = headers.traceparent as string | undefined;
  const caller = readCaller(traceparent, headers.tracestate as string | undefined);
  const baggage = headers.baggage as string | undefined;
  const parent = new RequestContext(caller, baggage, caller && trace.wrapSpanContext(caller));
  const span = startSpan(req, target, client, caller === undefined && traceparent !== undefined, parent);
  const exchange = new Exchange(req, res, span, new RequestContext(caller, baggage, span), routeOf, source);
  (req as Traced<IncomingMessage>)[EXCHANGE] = exchange;
  (res as Traced<ServerResponse>)[EXCHANGE] = exchange;
  req.emit = emitOfRequest;
  res.emit = emitOfResponse;
  const connection: Connection = req.socket;
  if (!(CURRENT in connection)) connection.on('close', endCurrent);
  connection[CURRENT] = exchange;
  return exchange;
}

function startSpan(
  req: IncomingMessage,
  target: string,
  client: Client,
  malformed: boolean,
  parent: Context,
): Span {
  const { headers, socket } = req;
  const method = req.method ?? '';
  const mark = target.indexOf('?');
  const authority = authorityOf(client.host);
  // One shape for nearly every request. An SDK drops values that are absent.
  const attributes = {
    'http.request.method': METHODS.has(method) ? method : '_OTHER',
    'http.request.method_original': METHODS.has(method) ? undefined : method,
    'url.path': redaction.path(mark === -1 ? target : target.slice(0, mark)),
    'url.scheme': client.scheme,
    'url.query': mark === -1 ? undefined : redaction.query(target.slice(mark + 1)),
    'server.address': authority.address,
    'server.port': authority.port ?? (client.scheme === 'https' ? 443 : 80),
    'client.address': client.address,
    'user_agent.original': headers['user-agent'],
  };
  if (malformed) Object.assign(attributes, { 'throughline.extract': 'malformed' });
  const span = tracer.startSpan(methodOf(req), { kind: SpanKind.SERVER, attributes }, parent);
  if (span.isRecording()) {
    span.setAttribute('network.peer.address', socket.remoteAddress as string);
    span.setAttribute('network.peer.port', socket.remotePort as number);
    span.setAttribute('network.protocol.version', req.httpVersion);
  }
  return span;
}

function methodOf({ method = '' }: IncomingMessage): string {
  return METHODS.has(method) ? method : 'HTTP';
}

/** Ends what a response that was taken off its connection has left open. */
function endCurrent(this: Connection): void {
  this[CURRENT]?.end();
}

/** One request with its response. */
class Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly span: Span;
  readonly context: Context;
  readonly routeOf: RouteOf<never>;
  readonly source: unknown;
  finished = false;
  error: unknown;
  #ended = false;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    span: Span,
    active: Context,
    routeOf: RouteOf<never>,
    source: unknown,
  ) {
    this.req = req;
    this.res = res;
    this.span = span;
    this.context = active;
    this.routeOf = routeOf;
    this.source = source;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    (this.req.socket as Connection)[CURRENT] = undefined;
    try {
      if (this.span.isRecording()) this.#complete(this.span);
      this.span.end();
    } catch (error) {
      diag.warn('a span could not be ended', String(error));
    }
  }

  #complete(span: Span): void {
    const { req } = this;
    const route = this.routeOf(this.source as never);
    const status = this.finished ? sentStatus(this.res) : undefined;
    if (route !== undefined) {
      span.updateName(`${methodOf(req)} ${route}`);
      span.setAttribute('http.route', route);
    }
    if (status !== undefined) span.setAttribute('http.response.status_code', status);
    const cut = req.socket.readableEnded ? 'client_disconnected' : 'response_destroyed';
    const errorType = this.finished ? undefined : cut;
    if (errorType === undefined && (status === undefined || status < 500)) return;
    span.setAttribute('error.type', errorType ?? String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
    if (this.error !== undefined) span.recordException(this.withoutSecrets(this.error as Error));
  }

  withoutSecrets({ name, message, stack }: Error): Error {
    const { headers, url = '' } = this.req;
    const secrets = Object.keys(headers).filter(isSecretHeader);
    const values = secrets.flatMap((secret) => headers[secret] ?? []);
    const clean = redaction.errorText(() => ({ path: url, headers: values }));
    return { name, message: clean(message), ...(stack !== undefined && { stack: clean(stack) }) };
  }
}

/** The status of the head as it was written: `statusCode` may have been changed since. */
function sentStatus(res: ServerResponse): number {
  const { _header: head } = res as ServerResponse & { readonly _header: string };
  return digit(head, 9) * 100 + digit(head, 10) * 10 + digit(head, 11);
}

/** Emits in the exchange's context where a listener could look at it. Extra arguments are left to Node's own method. */
function emitOfResponse(this: Traced<ServerResponse>, event: string | symbol, argument?: unknown): boolean {
  const exchange = this[EXCHANGE] as Exchange;
  if (event === 'finish') exchange.finished = true;
  else if (event === 'error') exchange.error ??= argument;
  else if (event === 'close') exchange.end();
  return emit(this, exchange, event, argument);
}

function emitOfRequest(this: Traced<IncomingMessage>, event: string | symbol, argument?: unknown): boolean {
  const exchange = this[EXCHANGE] as Exchange;
  // Node dumps a body that no one has read. The one listener is its own.
  if (event === 'end' && exchange.finished) return emitter.emit.call(this, event);
  return emit(this, exchange, event, argument);
}

const emitter: EventEmitter = process.getBuiltinModule('node:events').EventEmitter.prototype;

function emit(of: EventEmitter, exchange: Exchange, event: string | symbol, argument: unknown): boolean {
  if (of.listenerCount(event) === 0 || context.active() === exchange.context)
    return emitter.emit.call(of, event, argument);
  return context.with(exchange.context, emitter.emit, of, event, argument);
}

let lastHost = '';
let lastAuthority: { address: string; port: number | undefined } = { address: '', port: undefined };

function authorityOf(host: string): typeof lastAuthority {
  if (host === lastHost) return lastAuthority;
  const [, address = '', port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  lastHost = host;
  lastAuthority = { address, port: port === undefined ? undefined : Number(port) };
  return lastAuthority;
}

const plain = (req: IncomingMessage): Client => ({
  address: req.socket.remoteAddress,
  scheme: 'http',
  host: req.headers.host ?? '',
});

export default {
  title: 'limit: the least that keeps every default promise, by hand',
  expects: { spans: true, continues: true, propagates: true },
  start: () => startSdk({ propagator: own }),
  listener: (handler) => (req, res) => {
    const exchange = start(req, res, req.url ?? '', plain(req), () => ROUTE, req);
    context.with(exchange.context, handler, undefined, req, res);
  },
  express(app) {
    const routeOf = (req: Request): string | undefined => req.route && `${req.baseUrl}${req.route.path}`;
    app.use((req, res, next) => {
      const proxied = Boolean(app.get('trust proxy'));
      const client = proxied ? { address: req.ip, scheme: req.protocol, host: req.host } : plain(req);
      const exchange = start(req, res, req.originalUrl, client, routeOf, req);
      context.with(exchange.context, next);
    });
  },
  expressLast(app) {
    app.use((error: unknown, req: Traced<Request>, _res: unknown, next: (error: unknown) => void) => {
      if (req[EXCHANGE] !== undefined) req[EXCHANGE].error ??= error;
      next(error);
    });
  },
  koa(app) {
    const routeOf = (ctx: KoaContext) => ctx._matchedRoute as string | undefined;
    app.use(async (ctx, next) => {
      const client = app.proxy ? { address: ctx.ip, scheme: ctx.protocol, host: ctx.host } : plain(ctx.req);
      const exchange = start(ctx.req, ctx.res, ctx.originalUrl, client, routeOf, ctx);
      try {
        await context.with(exchange.context, next);
      } catch (error) {
        exchange.error ??= error;
        throw error;
      }
    });
  },
  fastify(app) {
    const routeOf = (request: FastifyRequest) => request.routeOptions.url;
    app.addHook('onRequest', (request, reply, next) => {
      const { raw, ip: address, protocol: scheme, host } = request;
      const exchange = start(raw, reply.raw, raw.url ?? '', { address, scheme, host }, routeOf, request);
      context.with(exchange.context, next);
    });
    app.addHook('onError', (request, _reply, error, next) => {
      const exchange = (request.raw as Traced<IncomingMessage>)[EXCHANGE];
      if (exchange !== undefined) exchange.error ??= error;
      next();
    });
  },
  call(url) {
    const headers: Record<string, string> = {};
    const active = context.active() as RequestContext;
    const { traceId, spanId, traceFlags } = (active.span as Span).spanContext();
    headers.traceparent = `00-${traceId}-${spanId}-0${traceFlags | ((active.remote?.traceFlags ?? 0) & 2)}`;
    return fetch(url, { headers });
  },
} satisfies Variant;
