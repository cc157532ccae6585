import type { Context } from '@opentelemetry/api';
import { activeContext, carrierGetter, runInContext } from '@throughline/core';
import { guarded, Scope } from '@throughline/core/seam';
import type { RpcPeer } from '../rpc/rpc-call.ts';
import { createRpcClientTracer, type RpcClientTracer, type SentRpc } from '../rpc/rpc-client.ts';
import type { RpcClientOptions } from '../rpc/rpc-options.ts';
import type {
  ClientCallLike,
  ClientListenerLike,
  MessageContextLike,
  MetadataLike,
  MethodLike,
  StatusLike,
} from './calls.ts';
import { authorityOf, serverOf } from './channel-target.ts';
import { layers } from './layers.ts';
import { remembered } from './remembered.ts';
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
    const call = nextCall(callOptions);
    return tracedCall(call, trace, callOptions.method_definition) as unknown as Call;
  };
}

class TracedClientCall {
  readonly nextCall: ClientCallLike;
  readonly #trace: RpcClientTracer;
  readonly #method: MethodLike;
  readonly #caller = activeContext();

  constructor(nextCall: ClientCallLike, trace: RpcClientTracer, method: MethodLike) {
    this.nextCall = nextCall;
    this.#trace = trace;
    this.#method = method;
  }

  start(given: MetadataLike, listener?: Partial<ClientListenerLike>): void {
    const call = this.nextCall;
    // Before a call is started, the library returns the target of its channel.
    const server = guarded('a call of gRPC could not be read', () => serverAt(call.getPeer()));
    const metadata = given.clone();
    const sent = this.#trace(
      {
        method: this.#method.path.slice(1),
        metadata: (name) => carrierGetter.get(given, name),
        serverAddress: server?.serverAddress,
        serverPort: server?.serverPort,
      },
      this.#caller,
    );
    sent.inject(metadata);
    call.start(metadata, new TracedListener(listener, this.#caller, sent, call));
  }

  // A message that waits for the connection is written by the call that made the connection.
  sendMessageWithContext(messageContext: MessageContextLike, message: unknown): void {
    const { callback } = messageContext;
    const caller = this.#caller;
    const bound = callback && {
      callback: (error?: Error | null) => runInContext(caller, () => callback(error)),
    };
    this.nextCall.sendMessageWithContext({ ...messageContext, ...bound }, message);
  }
}

class TracedListener implements ClientListenerLike {
  readonly #listener: Partial<ClientListenerLike> | undefined;
  readonly #caller: Context;
  readonly #sent: SentRpc;
  readonly #call: ClientCallLike;

  constructor(
    listener: Partial<ClientListenerLike> | undefined,
    caller: Context,
    sent: SentRpc,
    call: ClientCallLike,
  ) {
    this.#listener = listener;
    this.#caller = caller;
    this.#sent = sent;
    this.#call = call;
  }

  onReceiveMetadata(metadata: MetadataLike): void {
    runInContext(this.#caller, () => this.#listener?.onReceiveMetadata?.(metadata));
  }

  onReceiveMessage(message: unknown): void {
    runInContext(this.#caller, () => this.#listener?.onReceiveMessage?.(message));
  }

  onReceiveStatus(status: StatusLike): void {
    this.#sent.end({ statusCode: statusName(status.code) }, peerOf(this.#call));
    runInContext(this.#caller, () => this.#listener?.onReceiveStatus?.(status));
  }
}

const tracedCall = layers(TracedClientCall);
const serverAt = remembered(serverOf);

/** Returns the address that a call was connected to; `undefined` if it was not. */
function peerOf(call: ClientCallLike): RpcPeer | undefined {
  return guarded('a call of gRPC could not be read', () => peerAt(call.getPeer()));
}

const peerAt = remembered((text): RpcPeer | undefined => {
  const peer = authorityOf(text);
  return peer?.serverPort === undefined ? undefined : { address: peer.serverAddress, port: peer.serverPort };
});
