import { type Context, type Link, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { type Carrier, carrierGetter } from '@throughline/core';
import {
  type Admission,
  type Arrival,
  admit,
  createTrustDecider,
  extraAttributes,
  guarded,
  ignoreRequest,
  Operation,
  propagatorOf,
  receive,
  type Scope,
  semconv,
} from '@throughline/core/seam';
import type { RpcCall, RpcOutcome, RpcPeer } from './rpc-call.ts';
import { ATTR_RPC_METHOD, ATTR_RPC_SYSTEM_NAME } from './rpc-conventions.ts';
import { rpcDuration } from './rpc-duration.ts';
import { type RpcServerOptions, SERVER_RULES } from './rpc-options.ts';
import { rpcResult } from './rpc-result.ts';
import { callAttributes, peerAttributes, type RpcSystem, serverErrorType } from './rpc-system.ts';

/** One call being served. */
export interface ServedRpc {
  /** Runs `fn` in the context of the call, and returns or throws what `fn` does. */
  run<T>(fn: () => T): T;
  /** Ends the span and measures the duration. Only the first call counts. Never throws. */
  end(outcome: RpcOutcome): void;
}

/** What a library knows of a call that arrives. */
export interface ReceivedRpc {
  readonly call: RpcCall;
  readonly carrier: Carrier;
  readonly peer?: RpcPeer | undefined;
  /** The context that the server was called in: an HTTP server may have traced the request already. */
  readonly ambient?: Context | undefined;
}

/** Admits the caller's context and starts the SERVER span. Never throws. */
export type RpcServerTracer = (received: ReceivedRpc) => ServedRpc;

/**
 * Returns a tracer for the calls that a server receives.
 *
 * @throws TypeError when an option has the wrong type. Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/
 */
export function createRpcServerTracer(
  system: RpcSystem,
  options: RpcServerOptions,
  scope: Scope,
): RpcServerTracer {
  scope.check(options, SERVER_RULES);
  const { ignore, requestHook } = options;
  const decideTrust = createTrustDecider(options.trust ?? 'continue');
  const tracer = scope.tracer(options.tracerProvider);
  const duration = rpcDuration(scope, 'server', options.meterProvider);

  function begin({ call, carrier, peer, ambient = ROOT_CONTEXT }: ReceivedRpc): ServedRpc {
    const arrival = receive(propagatorOf(options.propagator), carrier, carrierGetter);
    const admission = admit(arrival, decideTrust(call));
    if (
      ignore !== undefined &&
      guarded('options.ignore threw; the call is traced', () => ignore(call), false) === true
    )
      return served(call, new Operation(ignoreRequest(admission.context)));
    const recorder = tracer();
    const measured = duration();
    const attributes = callAttributes(system, call.method, call);
    const extra = options.attributes && extraAttributes(options.attributes, call);
    const start = recorder && {
      tracer: recorder,
      name: call.method,
      kind: SpanKind.SERVER,
      attributes: extra === undefined ? attributes : { ...attributes, ...extra },
      links: links(admission),
    };
    // The name that a caller uses for this server is the caller's choice, and would make a series of its own.
    const measure = measured?.({
      [ATTR_RPC_SYSTEM_NAME]: system,
      [ATTR_RPC_METHOD]: call.method,
    });
    const operation = new Operation(parentOf(arrival, admission, ambient), start, measure);
    if (peer !== undefined && operation.recording)
      operation.describe({
        ...peerAttributes(peer),
        [semconv.ATTR_CLIENT_ADDRESS]: peer.address,
        ...extra,
      });
    const { span } = operation;
    if (requestHook !== undefined && span !== undefined && operation.recording)
      guarded('options.requestHook threw', () => requestHook({ span, request: call }));
    return served(call, operation);
  }

  function served(call: RpcCall, operation: Operation): ServedRpc {
    return {
      run: (fn) => operation.run(fn),
      end(outcome) {
        operation.end(rpcResult(call, outcome, serverErrorType(outcome), options));
      },
    };
  }

  return (received) =>
    guarded('a call could not be traced', () => begin(received)) ??
    served(received.call, new Operation(ROOT_CONTEXT));
}

/**
 * Returns the span that an HTTP server made of the same request, if it continues the caller's trace, or else the caller's.
 * The baggage is what was admitted here.
 */
function parentOf({ caller }: Arrival, admission: Admission, ambient: Context): Context {
  const above = trace.getSpan(ambient);
  if (above === undefined || admission.caller === undefined) return admission.context;
  const { traceId, isRemote } = above.spanContext();
  const isOurs = isRemote !== true && traceId === caller?.traceId;
  return isOurs ? trace.setSpan(admission.context, above) : admission.context;
}

const NO_LINKS: Link[] = [];

function links({ restartedFrom, conflicts }: Admission): Link[] {
  if (restartedFrom === undefined && conflicts.length === 0) return NO_LINKS;
  return [...(restartedFrom === undefined ? [] : [restartedFrom]), ...conflicts].map((context) => ({
    context,
  }));
}
