import type { Context } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { reportOnce } from '@throughline/core/seam';
import type { TracedRequest } from '../redirects-by-client/request-tracer.ts';
import { headerReader } from './undici-headers.ts';

const TOO_FAR_OUT =
  'an interceptor that follows redirects is nearer to the wire than traceInterceptor(), and sends its headers on to wherever ' +
  'it is redirected; put traceInterceptor() first in compose()';

/**
 * Returns the handler of an undici request, whose calls end the request's span and run in `context`.
 *
 * undici has two sets of handler methods, one until version 7 and one since. Both are observed; the handler's other members
 * stay as they are.
 */
export function observedHandler<Handler extends object>(
  handler: Handler,
  traced: TracedRequest,
  context: Context,
): Handler {
  return new Proxy(handler, new ObservedHandler<Handler>(traced, context));
}

class ObservedHandler<Handler extends object> implements ProxyHandler<Handler> {
  readonly #traced: TracedRequest;
  readonly #context: Context;

  constructor(traced: TracedRequest, context: Context) {
    this.#traced = traced;
    this.#context = context;
  }

  get(target: Handler, name: string | symbol): unknown {
    const member: unknown = Reflect.get(target, name, target);
    if (typeof member !== 'function') return member;
    return (...args: unknown[]) => {
      observe(this.#traced, name, args);
      return runInContext(this.#context, () => Reflect.apply(member, target, args));
    };
  }
}

function observe(traced: TracedRequest, name: string | symbol, args: readonly unknown[]): void {
  switch (name) {
    case 'onRequestStart':
      reportRedirects(args[1]);
      break;
    case 'onHeaders':
      observeHead(traced, args[0], args[1]);
      break;
    case 'onResponseStart':
      observeHead(traced, args[1], args[2]);
      break;
    case 'onUpgrade':
      traced.endWithHead(Number(args[0]), () => undefined);
      break;
    case 'onRequestUpgrade':
      traced.endWithHead(Number(args[1]), () => undefined);
      break;
    case 'onError':
      traced.endWithError(args[0]);
      break;
    case 'onResponseError':
      traced.endWithError(args[1]);
      break;
  }
}

/** Ends the span with the head of the final response, not with those of informational ones. */
function observeHead(traced: TracedRequest, status: unknown, headers: unknown): void {
  if (typeof status === 'number' && status >= 200) traced.endWithHead(status, headerReader(headers));
}

/** The request is about to be written. Its history are the URLs that it was redirected from below us. */
function reportRedirects(about: unknown): void {
  const { history } = (about ?? {}) as { history?: unknown };
  if (Array.isArray(history) && history.length > 0) reportOnce(TOO_FAR_OUT);
}
