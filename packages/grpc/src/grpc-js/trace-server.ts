import { carrierGetter } from '@throughline/core';
import { guarded, Scope, withMembers } from '@throughline/core/seam';
import type { RpcCall } from '../rpc/rpc-call.ts';
import type { RpcServerOptions } from '../rpc/rpc-options.ts';
import { createRpcServerTracer, type ServedRpc } from '../rpc/rpc-server.ts';
import type { MetadataLike, MethodLike, ServerCallLike, ServerListenerLike, StatusLike } from './calls.ts';
import { authorityOf } from './channel-target.ts';
import { endStatus } from './end-status.ts';

/** A server interceptor of `@grpc/grpc-js`. `Call` is the library's own type of a call. */
export type GrpcServerInterceptor = <Call>(method: MethodLike, call: ServerCallLike) => Call;

/**
 * Returns a server interceptor of `@grpc/grpc-js`, which serves each call inside one SERVER span.
 *
 * The caller's context is read from the metadata and is active in the handler, in what it awaits and in the listeners of its
 * stream. The span ends when the call is over, with the status that was sent to the client. Put it first in the list: the
 * first interceptor is next to the wire, and the context is active in the others. The library answers calls of methods that it
 * does not know before any interceptor sees them.
 *
 * @throws TypeError when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
 * @example
 * const server = new Server({ interceptors: [traceServer()] });
 */
export function traceServer(options: RpcServerOptions = {}): GrpcServerInterceptor {
  const serve = createRpcServerTracer('grpc', options, new Scope('grpc', 'traceServer()'));

  function receive({ path }: MethodLike, call: ServerCallLike, metadata: MetadataLike): ServedRpc {
    const { remoteAddress, remotePort } = call.getConnectionInfo?.() ?? {};
    const rpc: RpcCall = {
      method: path.slice(1),
      metadata: (name) => carrierGetter.get(metadata, name),
      ...authorityOf(call.getHost() ?? ''),
    };
    const peer = remoteAddress === undefined ? undefined : { address: remoteAddress, port: remotePort };
    return serve({ call: rpc, carrier: metadata, peer });
  }

  return function interceptServerCall<Call>(method: MethodLike, call: ServerCallLike): Call {
    let served: ServedRpc | undefined;
    let answered: StatusLike | undefined;
    const run = <T>(fn: () => T): T => (served === undefined ? fn() : served.run(fn));
    const traced: Partial<ServerCallLike> = {
      start: (listener) =>
        call.start({
          onReceiveMetadata(metadata) {
            served ??= guarded('a call of gRPC could not be described', () =>
              receive(method, call, metadata),
            );
            run(() => listener.onReceiveMetadata(metadata));
          },
          onReceiveMessage: (message) => run(() => listener.onReceiveMessage(message)),
          onReceiveHalfClose: () => run(() => listener.onReceiveHalfClose()),
          onCancel() {
            served?.end({ statusCode: endStatus(call, answered) });
            run(() => listener.onCancel());
          },
        } satisfies ServerListenerLike),
      sendStatus(status) {
        answered = status;
        call.sendStatus(status);
      },
    };
    return withMembers(call, traced) as unknown as Call;
  };
}
