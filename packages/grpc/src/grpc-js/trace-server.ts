import { carrierGetter } from '@throughline/core';
import { guarded, Scope } from '@throughline/core/seam';
import type { RpcServerOptions } from '../rpc/rpc-options.ts';
import { createRpcServerTracer, type RpcServerTracer, type ServedRpc } from '../rpc/rpc-server.ts';
import type { MetadataLike, MethodLike, ServerCallLike, ServerListenerLike, StatusLike } from './calls.ts';
import { authorityOf } from './channel-target.ts';
import { endStatus } from './end-status.ts';
import { layers } from './layers.ts';
import { remembered } from './remembered.ts';

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

  return function interceptServerCall<Call>(method: MethodLike, call: ServerCallLike): Call {
    return tracedCall(call, serve, method) as unknown as Call;
  };
}

class TracedServerCall {
  readonly nextCall: ServerCallLike;
  /** The handler's status. */
  answered: StatusLike | undefined;
  readonly #serve: RpcServerTracer;
  readonly #method: MethodLike;

  constructor(nextCall: ServerCallLike, serve: RpcServerTracer, method: MethodLike) {
    this.nextCall = nextCall;
    this.#serve = serve;
    this.#method = method;
  }

  start(listener: ServerListenerLike): void {
    this.nextCall.start(new TracedListener(listener, this));
  }

  sendStatus(status: StatusLike): void {
    this.answered = status;
    this.nextCall.sendStatus(status);
  }

  /** Starts the span of the call. */
  receive(metadata: MetadataLike): ServedRpc {
    const call = this.nextCall;
    const { remoteAddress, remotePort } = call.getConnectionInfo?.() ?? {};
    const host = hostOf(call.getHost() ?? '');
    return this.#serve({
      call: {
        method: this.#method.path.slice(1),
        metadata: (name) => carrierGetter.get(metadata, name),
        serverAddress: host?.serverAddress,
        serverPort: host?.serverPort,
      },
      carrier: metadata,
      peer: remoteAddress === undefined ? undefined : { address: remoteAddress, port: remotePort },
    });
  }
}

class TracedListener implements ServerListenerLike {
  readonly #listener: ServerListenerLike;
  readonly #call: TracedServerCall;
  #served: ServedRpc | undefined;

  constructor(listener: ServerListenerLike, call: TracedServerCall) {
    this.#listener = listener;
    this.#call = call;
  }

  #run(fn: () => void): void {
    if (this.#served === undefined) fn();
    else this.#served.run(fn);
  }

  onReceiveMetadata(metadata: MetadataLike): void {
    this.#served ??= guarded('a call of gRPC could not be described', () => this.#call.receive(metadata));
    this.#run(() => this.#listener.onReceiveMetadata(metadata));
  }

  onReceiveMessage(message: unknown): void {
    this.#run(() => this.#listener.onReceiveMessage(message));
  }

  onReceiveHalfClose(): void {
    this.#run(() => this.#listener.onReceiveHalfClose());
  }

  onCancel(): void {
    const { nextCall, answered } = this.#call;
    this.#served?.end({ statusCode: endStatus(nextCall, answered) });
    this.#run(() => this.#listener.onCancel());
  }
}

const tracedCall = layers(TracedServerCall);
const hostOf = remembered(authorityOf);
