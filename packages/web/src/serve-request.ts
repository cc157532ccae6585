import { guarded } from '@throughline/core/seam';
import type { ServedRoute } from '@throughline/http';
import type { HttpServerExchange, HttpServerTracer } from '@throughline/http-semantics';
import { startNodeExchange } from '#node-exchange';
import { FetchExchange } from './fetch-exchange.ts';

/** A request as the runtime passes it on. */
export interface ArrivedRequest {
  readonly request: Request;
  /** The argument beside the request: Bun's server, Deno's `info`, the bindings of a worker, Node's request and response. */
  readonly environment: unknown;
  /** Returns the template that matched. Called once, when the response is over. Absent: the framework has no routes. */
  readonly route?: (() => ServedRoute) | undefined;
}

/** The exchange of each request. On Node, the response ends it; elsewhere we do. */
const exchanges = new WeakMap<Request, HttpServerExchange>();
const ended = new WeakMap<HttpServerExchange, FetchExchange>();

/**
 * Returns the exchange that serves `request`, or `undefined` if nothing of this package has seen it. Never throws.
 *
 * @example
 * exchangeOf(request)?.span.setAttribute('app.tenant', tenant);
 */
export function exchangeOf(request: Request): HttpServerExchange | undefined {
  return exchanges.get(request);
}

/**
 * Answers a request with `handle`, in the exchange that it has or else in a new one, and returns what the runtime is to send.
 *
 * The first server around a request decides, and one further in names the route if the first does not.
 */
export function serveRequest<Answer extends Response | Promise<Response>>(
  tracer: HttpServerTracer,
  { request, environment, route }: ArrivedRequest,
  handle: (exchange: HttpServerExchange) => Answer,
): Answer {
  const onNode = startNodeExchange(tracer, environment, route);
  if (onNode !== undefined) {
    remember(request, onNode);
    return settled(
      () => onNode.run(() => handle(onNode)),
      (response) => response,
      (error) => onNode.fail(error),
    );
  }
  const existing = exchanges.get(request);
  const outer = existing && ended.get(existing);
  if (existing !== undefined && outer !== undefined) {
    if (route !== undefined) tracer.servedTwice(existing, outer.takeRoute(route));
    return existing.run(() => handle(existing));
  }
  const own = new FetchExchange(tracer, request, environment, route);
  const { exchange } = own;
  remember(request, exchange);
  ended.set(exchange, own);
  return settled(
    () => exchange.run(() => handle(exchange)),
    (response) => own.answered(response),
    (error) => own.failed(error),
  );
}

function remember(request: Request, exchange: HttpServerExchange): void {
  guarded('the exchange of a request could not be kept', () => exchanges.set(request, exchange));
}

/** Calls `handle`, and returns what becomes of its answer; a promise if it returns one. */
function settled<Answer extends Response | Promise<Response>>(
  handle: () => Answer,
  onAnswer: (response: Response) => Response,
  onError: (error: unknown) => void,
): Answer {
  const failed = (error: unknown): never => {
    onError(error);
    throw error;
  };
  let answer: Answer;
  try {
    answer = handle();
  } catch (error) {
    return failed(error);
  }
  // The cast: what comes out is a promise exactly if one went in.
  return (typeof (answer as Promise<Response> | undefined)?.then === 'function'
    ? (answer as Promise<Response>).then(onAnswer, failed)
    : onAnswer(answer as Response)) as unknown as Answer;
}
