import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { Scope } from '@throughline/core/seam';
import { createHttpServerTracer, type HttpServerOptions } from '@throughline/http-semantics';
import { selfCheck } from '@throughline/self-check';
import type { NodeRequest } from './node/request-record.ts';
import type { NodeResponse } from './node/response-outcome.ts';
import { traceNodeExchange } from './node/trace-node-exchange.ts';

type Listener<Req, Res> = (req: Req, res: Res) => void;

/**
 * Returns a request listener that serves each request inside one SERVER span.
 *
 * The caller's context is extracted when the request arrives, and is active in `listener` and in everything that it starts.
 * The span ends when the response is over: last byte written, destroyed, or dropped by the client. Wrapping twice is
 * harmless. Use it for any event whose listener gets a request and a response: `request`, `checkContinue`,
 * `checkExpectation`.
 *
 * A plain listener knows no routes: name the route with `exchangeOf(req)?.setRoute('/items/:id')`.
 *
 * @throws TypeError when `listener` is no function or an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 * @example
 * createServer(traceListener((req, res) => res.end('hello'))).listen(3000);
 */
export function traceListener(
  listener: Listener<IncomingMessage, ServerResponse>,
  options?: HttpServerOptions,
): typeof listener;
export function traceListener(
  listener: Listener<Http2ServerRequest, Http2ServerResponse>,
  options?: HttpServerOptions,
): typeof listener;
export function traceListener(listener: (req: never, res: never) => unknown, options?: HttpServerOptions) {
  const scope = new Scope('http', 'traceListener()');
  const tracer = createHttpServerTracer(options, scope, selfCheck);
  if (typeof listener !== 'function')
    throw scope.error(`listener must be a function, got ${typeof listener}`);
  return function traceListener(req: NodeRequest, res: NodeResponse) {
    return traceNodeExchange(tracer, req, res).run(() => listener(req as never, res as never));
  };
}
