import { activeContext, carrierGetter, runInContext } from '@throughline/core';
import { guarded, Scope, withMembers } from '@throughline/core/seam';
import type { RpcPeer } from '../rpc/rpc-call.ts';
import { createRpcClientTracer } from '../rpc/rpc-client.ts';
import type { RpcClientOptions } from '../rpc/rpc-options.ts';
import type { ClientCallLike, MethodLike } from './calls.ts';
import { authorityOf, serverOf } from './channel-target.ts';
import { statusName } from './status-names.ts';

/** A client interceptor of `@grpc/grpc-js`. `Call` is the library's own type of a call. */
export type GrpcClientInterceptor = <Options extends { readonly method_definition: MethodLike }, Call>(
  options: Options,
  nextCall: (options: Options) => ClientCallLike,
) => Call;

/**
 * Returns a client interceptor of `@grpc/grpc-js`, which makes each call in one CLIENT span and sends the context along.
 *
 * The span covers the call with its streams and the retries of the library, and ends with the call's status. The context is
 * written into a copy of the metadata. Callbacks and the listeners of streams run in the context in which the call was made.
 *
 * @throws TypeError when an option has the wrong type. Never throws while calling.
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
 * @example
 * const client = new StockClient('stock.internal:50051', credentials, { interceptors: [traceClient()] });
 */
export function traceClient(options: RpcClientOptions = {}): GrpcClientInterceptor {
  const trace = createRpcClientTracer('grpc', options, new Scope('grpc', 'traceClient()'));

  return function interceptClientCall<Options extends { readonly method_definition: MethodLike }, Call>(
    callOptions: Options,
    nextCall: (options: Options) => ClientCallLike,
  ): Call {
    const caller = activeContext();
    const call = nextCall(callOptions);
    // Before a call is started, the library returns the target of its channel.
    const server = guarded('a call of gRPC could not be read', () => serverOf(call.getPeer()));
    const run = <T>(fn: () => T): T => runInContext(caller, fn);
    const traced: Partial<ClientCallLike> = {
      start(given, listener) {
        const metadata = given.clone();
        const sent = trace(
          {
            method: callOptions.method_definition.path.slice(1),
            metadata: (name) => carrierGetter.get(given, name),
            ...server,
          },
          caller,
        );
        sent.inject(metadata);
        call.start(metadata, {
          onReceiveMetadata: (received) => run(() => listener?.onReceiveMetadata?.(received)),
          onReceiveMessage: (message) => run(() => listener?.onReceiveMessage?.(message)),
          onReceiveStatus(status) {
            sent.end({ statusCode: statusName(status.code) }, peerOf(call));
            run(() => listener?.onReceiveStatus?.(status));
          },
        });
      },
      // A message that waits for the connection is written by the call that made the connection.
      sendMessageWithContext(messageContext, message) {
        const { callback } = messageContext;
        const bound = callback && { callback: (error?: Error | null) => run(() => callback(error)) };
        call.sendMessageWithContext({ ...messageContext, ...bound }, message);
      },
    };
    return withMembers(call, traced) as unknown as Call;
  };
}

/** Returns the address that the call was connected to; `undefined` if it was not. */
function peerOf(call: ClientCallLike): RpcPeer | undefined {
  const peer = guarded('a call of gRPC could not be read', () => authorityOf(call.getPeer()));
  if (peer?.serverPort === undefined) return undefined;
  return { address: peer.serverAddress, port: peer.serverPort };
}
