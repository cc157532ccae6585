import { activeContext } from '@throughline/core';
import { Scope, withMembers } from '@throughline/core/seam';
import type { RpcOutcome } from '../rpc/rpc-call.ts';
import { createRpcClientTracer } from '../rpc/rpc-client.ts';
import type { RpcClientOptions } from '../rpc/rpc-options.ts';
import { callOf } from './call-of.ts';
import { errorCode } from './error-code.ts';
import type { ConnectInterceptor } from './messages.ts';
import { type StreamEnd, tracedStream } from './traced-stream.ts';

/**
 * Returns an interceptor for the clients of `@connectrpc/connect`, which makes each call in one CLIENT span and sends the
 * context along, over Connect, gRPC and gRPC-Web.
 *
 * The span covers the call with its streams, and ends with the call's code. The context is written into a copy of the headers.
 * First in the list, there is one span around an interceptor that repeats calls; last, each attempt gets a span of its own.
 *
 * @throws TypeError when an option has the wrong type. Never throws while calling.
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/connect-rpc/
 * @example
 * const transport = createGrpcTransport({ baseUrl, interceptors: [traceClient()] });
 */
export function traceClient(options: RpcClientOptions = {}): ConnectInterceptor {
  const trace = createRpcClientTracer('connectrpc', options, new Scope('grpc', 'traceClient()'));

  return (next) =>
    async function interceptCall(request) {
      const header = new Headers(request.header);
      const sent = trace(callOf(request), activeContext());
      sent.inject(header);
      try {
        const response = await next(withMembers(request, { header }));
        if (!response.stream) {
          sent.end({ statusCode: undefined });
          return response;
        }
        const message = tracedStream(
          response.message as AsyncIterable<unknown>,
          (step) => step(),
          (over) => sent.end(outcomeOf(over, request.signal)),
        );
        return withMembers(response, { message });
      } catch (error) {
        sent.end({ statusCode: errorCode(error, 'unknown'), error });
        throw error;
      }
    };
}

/** Returns how a call ended whose response was a stream. One that its reader left early ends without an error. */
function outcomeOf(over: StreamEnd, { aborted }: AbortSignal): RpcOutcome {
  if ('error' in over) return { statusCode: errorCode(over.error, 'unknown'), error: over.error };
  return { statusCode: over.stopped || aborted ? 'canceled' : undefined };
}
