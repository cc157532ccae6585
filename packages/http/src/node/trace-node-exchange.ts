import { guarded, reportOnce } from '@throughline/core/seam';
import type { ForwardedRequest, HttpServerExchange, HttpServerTracer } from '@throughline/http-semantics';
import type { ServedRoute } from '../routes/served-route.ts';
import { bindExchange, emitterBeneath, takeRoute } from './bind-exchange.ts';
import { exposeTrace } from './expose-trace.ts';
import { type NodeRequest, requestRecord } from './request-record.ts';
import type { NodeResponse } from './response-outcome.ts';

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
  try {
    return (req as Traced<object>)[EXCHANGE];
  } catch (error) {
    reportOnce('the exchange of a request could not be read', error);
    return undefined;
  }
}

/**
 * Serves a request of `node:http`, `https` or `http2` inside one exchange.
 *
 * The exchange ends when the response is over. All listeners of `req` and `res` run with
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
  const existing = exchangeOf(req);
  if (existing !== undefined) {
    const { route } = description;
    // A plain listener knows no routes, and a server further in is welcome to name them.
    if (route !== undefined) tracer.servedTwice(existing, takeRoute(req, route));
    return existing;
  }
  const exchange = tracer.start(requestRecord(req, description.target, forwardedOf(description)));
  try {
    (emitterBeneath(req) as Traced<NodeRequest>)[EXCHANGE] = exchange;
    if (tracer.options.exposeTrace !== undefined && exchange.trusted)
      exposeTrace(res, exchange, tracer.options);
    const { observer } = tracer;
    if (observer.watchingAnswers) res.once('close', () => observer.answered(req, exchange));
  } catch (error) {
    reportOnce('a request or its response could not be written to', error);
  }
  bindExchange(req, res, exchange, description.route);
  return exchange;
}

function forwardedOf({ forwarded }: NodeExchangeDescription): ForwardedRequest | undefined {
  return typeof forwarded === 'function'
    ? guarded('the proxy setting could not be read', forwarded)
    : forwarded;
}
