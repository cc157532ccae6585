import { EventEmitter } from 'node:events';
import type { Http2ServerRequest } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Context } from '@opentelemetry/api';
import { activeContext, runInContext } from '../active-context.ts';
import type { ForwardedRequest } from '../forwarded.ts';
import type { HttpServerTracer } from '../http-server.ts';
import type { HttpServerExchange } from '../http-server-exchange.ts';
import type { HttpServerRequest } from '../http-server-request.ts';
import { guarded } from '../report.ts';
import { exposeTrace } from './expose-trace.ts';
import { type NodeRequest, type NodeResponse, responseOutcome } from './response-outcome.ts';

/** A route's template, or that of the mount path whose handler answered: a `setRoute` is more exact than the second. */
export type ServedRoute = string | { readonly mount: string } | undefined;

/** What only the framework knows of a request. */
export interface NodeExchangeDescription {
  /** Called once, when the response is over: the template that matched, if any. */
  readonly route?: (() => ServedRoute) | undefined;
  /** The request-target as received, where the framework has changed `req.url` and keeps the whole elsewhere. */
  readonly target?: string | undefined;
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
 * its context. A request that is already being traced keeps its exchange, so mounting twice is harmless: the first
 * server around a request decides, and one further in names the route if the first knows none.
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
  if (existing !== undefined) {
    const { route } = description;
    // A plain listener knows no routes, and whoever is further in is welcome to name them.
    if (route !== undefined)
      tracer.check.alreadyServed(existing, (req as Bindable)[BINDING]?.binding.takeRoute(route) === true);
    return existing;
  }
  const exchange = tracer.start(requestRecord(req, description.target, forwardedOf(description)));
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

function requestRecord(
  req: NodeRequest,
  target: string | undefined,
  forwarded: ForwardedRequest | undefined,
): HttpServerRequest {
  const socket = req.socket as TLSSocket | undefined;
  const { originalUrl } = req as { originalUrl?: unknown };
  return {
    method: req.method ?? '',
    // Connect-style routers cut their prefix off `url` and keep the whole in `originalUrl`.
    target: typeof originalUrl === 'string' ? originalUrl : (target ?? req.url ?? ''),
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
  route: (() => ServedRoute) | undefined,
): void {
  const binding = new ExchangeBinding(req, res, exchange, route);
  bindEmitter(req, binding);
  bindEmitter(res, binding);
  // A pipelined response has no socket yet, and never hears of a client that leaves before its turn.
  if (res.socket === null && !('stream' in req)) req.socket?.once('close', () => binding.end());
}

/** What the events of one request and its response do to its exchange. */
class ExchangeBinding {
  readonly context: Context;
  readonly #req: NodeRequest;
  readonly #res: NodeResponse;
  readonly #exchange: HttpServerExchange;
  #route: (() => ServedRoute) | undefined;
  readonly #http2: boolean;
  readonly #seen = { finish: false, timeout: false };

  constructor(
    req: NodeRequest,
    res: NodeResponse,
    exchange: HttpServerExchange,
    route: (() => ServedRoute) | undefined,
  ) {
    this.context = exchange.context;
    this.#req = req;
    this.#res = res;
    this.#exchange = exchange;
    this.#route = route;
    this.#http2 = 'stream' in req;
  }

  /** Returns whether the route is still to be named: by whoever comes first. */
  takeRoute(route: () => ServedRoute): boolean {
    if (this.#route !== undefined) return false;
    this.#route = route;
    return true;
  }

  /** Called with each event before its listeners. */
  observe(emitter: EventEmitter, event: string | symbol, argument: unknown): void {
    if (emitter === this.#req) {
      // To its handler a reset HTTP/2 stream looks like a body that has ended, and the answer is one that nobody gets.
      if (this.#http2 && (this.#req as Http2ServerRequest).stream.rstCode) this.end();
    } else if (event === 'close') {
      // Before its listeners: whoever owns a span that we adopted ends it in one of them.
      this.end();
    } else if (event === 'timeout') {
      this.#seen.timeout = true;
    } else if (event === 'error') {
      this.#exchange.fail(argument);
    } else if (event === 'finish') {
      this.#seen.finish = true;
      // `removeAllListeners()` removed Node's own listener too, and without it `close` never comes.
      if (emitter.listenerCount('finish') === 0) this.end();
    }
  }

  end(): void {
    const served = this.#route && guarded('the route could not be read', this.#route, undefined);
    const { route, mount } = typeof served === 'object' ? { ...served, route: undefined } : { route: served };
    const outcome = () => {
      const error = ('stream' in this.#res ? this.#res.stream : this.#res).errored;
      if (error) this.#exchange.fail(error);
      return { ...responseOutcome(this.#req, this.#res, this.#seen, route), mount };
    };
    this.#exchange.end(guarded('the outcome of a response could not be read', outcome, { route, mount }));
  }
}

const BINDING = Symbol('throughline.binding');

/** A request or response of an exchange. */
type Bindable = EventEmitter & { [BINDING]?: Bound };

interface Bound {
  readonly binding: ExchangeBinding;
  /** The emitter's own `emit`, where somebody gave it one before us. */
  readonly inherited: EventEmitter['emit'];
}

function bindEmitter(emitter: Bindable, binding: ExchangeBinding): void {
  emitter[BINDING] = { binding, inherited: emitter.emit };
  emitter.emit = emitInContext;
}

/** One function for all requests: closures of their own made each of them survive the garbage collector's first look. */
function emitInContext(this: Bindable, ...args: Parameters<EventEmitter['emit']>): boolean {
  const bound = this[BINDING];
  // Taken from a request and called on something else.
  if (bound === undefined) return Reflect.apply(EventEmitter.prototype.emit, this, args);
  const { binding, inherited } = bound;
  binding.observe(this, args[0], args[1]);
  // Most events have no listener, and some are emitted by code that runs in the context already.
  if (this.listenerCount(args[0]) === 0 || activeContext() === binding.context)
    return Reflect.apply(inherited, this, args);
  return runInContext(binding.context, () => Reflect.apply(inherited, this, args));
}
