import { reportOnce } from '@throughline/core/seam';
import type { ForwardedRequest, HttpServerExchange, HttpServerTracer } from '@throughline/http-semantics';
import type { ServedRoute } from '../routes/served-route.ts';
import { bindExchange, emitterBeneath, takeRoute } from './bind-exchange.ts';
import { ExchangeBinding } from './exchange-binding.ts';
import { exposeTrace } from './expose-trace.ts';
import { type NodeRequest, requestRecord } from './request-record.ts';
import type { NodeResponse } from './response-outcome.ts';

/**
 * What only the framework knows about a request. Its functions get the `source` that {@link traceNodeExchange} is called
 * with, so that one description serves all requests.
 */
export interface NodeExchangeDescription<Source = undefined> {
  /** Returns the template that matched. Called once, when the response is over. Absent: a server further in may name it. */
  readonly route?: ((source: Source) => ServedRoute) | undefined;
  /** The request-target as received, if the framework has changed `req.url`. Default: `req.originalUrl` or `req.url`. */
  readonly target?: string | ((source: Source) => string) | undefined;
  /** The client's side as the framework's proxy setting resolved it, or a function that returns it. Absent: there is none. */
  readonly forwarded?: ForwardedRequest | ((source: Source) => ForwardedRequest | undefined) | undefined;
}

/** The property of a request that holds its exchange. Registered, so that a second copy of this package finds it, too. */
const EXCHANGE = Symbol.for('throughline.exchange');

type Traced<T> = T & { [EXCHANGE]?: HttpServerExchange };

/**
 * Returns the exchange that serves `req`, or `undefined` if no Throughline middleware has seen it. Never throws.
 *
 * @example
 * exchangeOf(req)?.span.setAttribute('app.tenant', tenant);
 */
export function exchangeOf(req: object): HttpServerExchange | undefined {
  try {
    return (req as Traced<object>)[EXCHANGE];
  } catch (error) {
    reportOnce('the exchange of a request could not be read', error);
    return undefined;
  }
}

/**
 * Starts the exchange of a request of `node:http`, `https` or `http2`, and returns it.
 *
 * It ends when the response is over. All listeners of `req` and `res` run in its context. A request that is already traced
 * keeps its exchange, so mounting twice is harmless: the first server around a request decides, and one further in names
 * the route if the first does not.
 *
 * Never throws.
 *
 * @param source Passed to the functions of `description`: the framework's own request or context. Default: `undefined`.
 * @example
 * createServer((req, res) => traceNodeExchange(tracer, req, res).run(() => handle(req, res)));
 */
export function traceNodeExchange<Source = undefined>(
  tracer: HttpServerTracer,
  req: NodeRequest,
  res: NodeResponse,
  description: NodeExchangeDescription<Source> = NOT_DESCRIBED,
  source?: Source,
): HttpServerExchange {
  const existing = exchangeOf(req);
  if (existing !== undefined) {
    const { route } = description;
    // A plain listener knows no routes, so a server further in may name them.
    if (route !== undefined) tracer.servedTwice(existing, takeRoute(req, { route, source }));
    return existing;
  }
  const { target, forwarded } = description;
  const received = typeof target === 'function' ? ask(target, source as Source) : target;
  const client = typeof forwarded === 'function' ? ask(forwarded, source as Source) : forwarded;
  const exchange = tracer.start(requestRecord(req, received, client));
  try {
    (emitterBeneath(req) as Traced<NodeRequest>)[EXCHANGE] = exchange;
    if (tracer.options.exposeTrace !== undefined) exposeTrace(res, exchange, tracer.options);
    if (tracer.observer.watchingAnswers) observeAnswer(tracer.observer, req, res, exchange);
  } catch (error) {
    reportOnce('a request or its response could not be written to', error);
  }
  bindExchange(req, res, new ExchangeBinding(req, res, exchange, description.route, source));
  return exchange;
}

/** By itself, because its closure would be prepared for every request. */
function observeAnswer(
  observer: HttpServerTracer['observer'],
  req: NodeRequest,
  res: NodeResponse,
  exchange: HttpServerExchange,
): void {
  res.once('close', () => observer.answered(req, exchange));
}

const NOT_DESCRIBED: NodeExchangeDescription<unknown> = {};

function ask<Source, T>(framework: (source: Source) => T, source: Source): T | undefined {
  try {
    return framework(source);
  } catch (error) {
    reportOnce('a request could not be read through its framework', error);
    return undefined;
  }
}
