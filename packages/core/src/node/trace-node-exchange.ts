import type { EventEmitter } from 'node:events';
import type { TLSSocket } from 'node:tls';
import type { Context } from '@opentelemetry/api';
import { runInContext } from '../active-context.ts';
import type { ForwardedRequest } from '../forwarded.ts';
import type { HttpServerTracer } from '../http-server.ts';
import type { HttpServerExchange } from '../http-server-exchange.ts';
import type { HttpServerRequest } from '../http-server-request.ts';
import { guarded } from '../report.ts';
import { exposeTrace } from './expose-trace.ts';
import { type NodeRequest, type NodeResponse, responseOutcome } from './response-outcome.ts';

/** What only the framework knows of a request. */
export interface NodeExchangeDescription {
  /** Called once, when the response is over: the template that matched, if any. */
  readonly route?: (() => string | undefined) | undefined;
  /** The client's side as the framework's own proxy trust resolved it; a function is called once, in a guard. */
  readonly forwarded?: ForwardedRequest | (() => ForwardedRequest | undefined) | undefined;
}

/** On the request, under a registered symbol: so a second copy of this package finds it too. */
const EXCHANGE = Symbol.for('throughline.exchange');

type Traced<T> = T & { [EXCHANGE]?: HttpServerExchange };

/**
 * The exchange that serves `req`, if a Throughline middleware has seen it.
 *
 * @example
 * exchangeOf(req)?.span.setAttribute('app.tenant', tenant);
 */
export function exchangeOf(req: object): HttpServerExchange | undefined {
  return (req as Traced<object>)[EXCHANGE];
}

/**
 * Serves a request of `node:http`, `https` or `http2` inside one exchange.
 *
 * The exchange ends when the response is over. Listeners of `req` and `res`, whoever registered them, run with
 * its context. A request that is already being traced keeps its exchange, so mounting twice is harmless.
 *
 * Never throws.
 *
 * @example
 * createServer((req, res) => traceNodeExchange(tracer, req, res).run(() => handle(req, res)));
 */
export function traceNodeExchange(
  tracer: HttpServerTracer,
  req: NodeRequest,
  res: NodeResponse,
  description: NodeExchangeDescription = {},
): HttpServerExchange {
  const traced = req as Traced<NodeRequest>;
  const existing = traced[EXCHANGE];
  if (existing !== undefined) return existing;
  const exchange = tracer.start(requestRecord(req, forwardedOf(description)));
  traced[EXCHANGE] = exchange;
  if (tracer.options.exposeTrace !== undefined && exchange.trusted)
    exposeTrace(res, exchange, tracer.options);
  bindEvents(req, res, exchange, description.route);
  return exchange;
}

function forwardedOf({ forwarded }: NodeExchangeDescription): ForwardedRequest | undefined {
  return typeof forwarded === 'function'
    ? guarded('the proxy setting could not be read', forwarded, undefined)
    : forwarded;
}

function requestRecord(req: NodeRequest, forwarded: ForwardedRequest | undefined): HttpServerRequest {
  const socket = req.socket as TLSSocket | undefined;
  const { originalUrl } = req as { originalUrl?: unknown };
  return {
    method: req.method ?? '',
    // Connect-style routers cut their prefix off `url` and keep the whole in `originalUrl`.
    target: typeof originalUrl === 'string' ? originalUrl : (req.url ?? ''),
    scheme: socket?.encrypted ? 'https' : 'http',
    headers: req.headers,
    protocolVersion: req.httpVersionMajor === 2 ? '2' : req.httpVersion,
    peerAddress: unmapped(socket?.remoteAddress),
    peerPort: socket?.remotePort,
    peerAuthorized: socket?.authorized === true,
    forwarded,
  };
}

/** A dual-stack socket shows an IPv4 peer as `::ffff:192.0.2.1`. */
function unmapped(address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/**
 * Runs the listeners of `req` and `res` in the exchange's context, and ends the exchange on the way.
 *
 * Node emits most of these events from the socket, where no context is active. One `emit` per object serves all
 * listeners, is not undone by `removeAllListeners()`, and sees the end without a listener of its own.
 */
function bindEvents(
  req: NodeRequest,
  res: NodeResponse,
  exchange: HttpServerExchange,
  route: (() => string | undefined) | undefined,
): void {
  const { context } = exchange;
  const seen = { finish: false, timeout: false };
  const end = () => {
    const matched = route && guarded('the route could not be read', route, undefined);
    const outcome = () => {
      const error = ('stream' in res ? res.stream : res).errored;
      if (error) exchange.fail(error);
      return responseOutcome(req, res, seen, matched);
    };
    exchange.end(guarded('the outcome of a response could not be read', outcome, { route: matched }));
  };

  const http2Stream = 'stream' in req ? req.stream : undefined;
  // To its handler a reset HTTP/2 stream looks like a body that has ended, and the answer is one that nobody gets.
  bindEmitter(req, context, () => {
    if (http2Stream?.rstCode) end();
  });
  bindEmitter(res, context, (event, error) => {
    if (event === 'timeout' || event === 'finish') seen[event] = true;
    else if (event === 'error') exchange.fail(error);
    // Before its listeners: whoever owns a span that we adopted ends it in one of them.
    else if (event === 'close') end();
    // `removeAllListeners()` removed Node's own listener too, and without it `close` never comes.
    if (event === 'finish' && res.listenerCount('finish') === 0) end();
  });

  // A pipelined response has no socket yet, and never hears of a client that leaves before its turn.
  if (res.socket === null && http2Stream === undefined) req.socket?.once('close', end);
}

/** Shows each event to `before`, then runs its listeners in `context`. */
function bindEmitter(
  emitter: EventEmitter,
  context: Context,
  before: (event: string | symbol, argument: unknown) => void,
): void {
  const inherited = emitter.emit;
  emitter.emit = function emit(this: EventEmitter, ...args: Parameters<EventEmitter['emit']>) {
    before(args[0], args[1]);
    // Most of Node's events have no listener; entering the context for those would be work for nobody.
    if (this.listenerCount(args[0]) === 0) return Reflect.apply(inherited, this, args);
    return runInContext(context, () => Reflect.apply(inherited, this, args));
  };
}
