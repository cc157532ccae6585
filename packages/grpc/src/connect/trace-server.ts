import { activeContext } from '@throughline/core';
import { Scope, withMembers } from '@throughline/core/seam';
import type { RpcOutcome } from '../rpc/rpc-call.ts';
import type { RpcServerOptions } from '../rpc/rpc-options.ts';
import { createRpcServerTracer } from '../rpc/rpc-server.ts';
import { callOf } from './call-of.ts';
import { errorCode } from './error-code.ts';
import type { ConnectInterceptor } from './messages.ts';
import { tracedStream } from './traced-stream.ts';

/** What a handler answered: its error, if it failed. */
interface Answer {
  readonly error?: unknown;
}

/**
 * Returns an interceptor for the services of `@connectrpc/connect`, which serves each call inside one SERVER span, over
 * Connect, gRPC and gRPC-Web.
 *
 * The caller's context is read from the headers and is active in the handler and in its generators. The span ends when the
 * library is done with the call, with the code that it sends. Put it first in the list: the first interceptor is the first to
 * see a call. Below an HTTP server that traces the same request, the span is a child of that server's span.
 *
 * @throws TypeError when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/connect-rpc/
 * @example
 * const handler = connectNodeAdapter({ routes, interceptors: [traceServer()] });
 */
export function traceServer(options: RpcServerOptions = {}): ConnectInterceptor {
  const serve = createRpcServerTracer('connectrpc', options, new Scope('grpc', 'traceServer()'));

  return (next) =>
    async function interceptServedCall(request) {
      const { signal } = request;
      const served = serve({ call: callOf(request), carrier: request.header, ambient: activeContext() });
      let answer: Answer | undefined;
      // The library aborts the signal when it is done with a call, whether it failed or not.
      const end = () => served.end(outcomeOf(answer, signal.reason));
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
      try {
        const response = await served.run(() => next(request));
        if (!response.stream) {
          answer = {};
          return response;
        }
        const message = tracedStream(response.message as AsyncIterable<unknown>, served.run, (over) => {
          if (!over.stopped) answer ??= over;
        });
        return withMembers(response, { message });
      } catch (error) {
        answer = { error };
        throw error;
      }
    };
}

/** Why a server gives a call up: a deadline, its own end. A connection that broke has many codes, by how it broke. */
const OWN_REASONS: ReadonlySet<string> = new Set(['deadline_exceeded', 'unavailable']);

/** Returns how a call ended, whose signal was aborted for `reason`. */
function outcomeOf(answer: Answer | undefined, reason: unknown): RpcOutcome {
  if (answer === undefined) {
    const code = errorCode(reason, 'canceled');
    return { statusCode: OWN_REASONS.has(code) ? code : 'canceled' };
  }
  // A response that cannot be written fails after the interceptors.
  const error = answer.error ?? (isPlainAbort(reason) ? undefined : reason);
  return error === undefined
    ? { statusCode: undefined }
    : { statusCode: errorCode(error, 'internal'), error };
}

const isPlainAbort = (reason: unknown) => (Object(reason) as { name?: unknown }).name === 'AbortError';
