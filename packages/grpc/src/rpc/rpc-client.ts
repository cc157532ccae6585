import { type Attributes, type Context, SpanKind } from '@opentelemetry/api';
import { type Carrier, injectContext } from '@throughline/core';
import {
  extraAttributes,
  guarded,
  isIgnoredRequest,
  Operation,
  propagatorOf,
  type Scope,
} from '@throughline/core/seam';
import type { RpcCall, RpcOutcome, RpcPeer } from './rpc-call.ts';
import { ATTR_RPC_METHOD_ORIGINAL } from './rpc-conventions.ts';
import { rpcDuration } from './rpc-duration.ts';
import { CLIENT_RULES, type RpcClientOptions } from './rpc-options.ts';
import { rpcResult } from './rpc-result.ts';
import {
  callAttributes,
  clientErrorType,
  OTHER_METHOD,
  peerAttributes,
  type RpcSystem,
} from './rpc-system.ts';
import { createSendable } from './targets.ts';

/** One call under way. */
export interface SentRpc {
  /** Writes the context into metadata that belongs to this call alone, if its server may receive it. Never throws. */
  inject(carrier: Carrier): void;
  /** Ends the span and measures the duration. Only the first call counts. Never throws. */
  end(outcome: RpcOutcome, peer?: RpcPeer | undefined): void;
}

/** Starts the CLIENT span of one call, below what is active in `parent`. Never throws. */
export type RpcClientTracer = (call: RpcCall, parent: Context) => SentRpc;

/**
 * Returns a tracer for the calls that a client makes: one CLIENT span for each, with its streams and the retries of the
 * library.
 *
 * @throws TypeError when an option has the wrong type. Never throws while calling.
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/
 */
export function createRpcClientTracer(
  system: RpcSystem,
  options: RpcClientOptions,
  scope: Scope,
): RpcClientTracer {
  scope.check(options, CLIENT_RULES);
  const { ignore, requestHook } = options;
  const known = options.methods && new Set(options.methods);
  const sendable = createSendable(options);
  const tracer = scope.tracer(options.tracerProvider);
  const duration = rpcDuration(scope, 'client', options.meterProvider);

  function operationOf(call: RpcCall, parent: Context): Operation {
    const isIgnored =
      isIgnoredRequest(parent) ||
      (ignore !== undefined &&
        guarded('options.ignore threw; the call is traced', () => ignore(call), false) === true);
    const recorder = tracer();
    const measured = duration();
    if (isIgnored || (recorder === undefined && measured === undefined)) return new Operation(parent);
    const method = known?.has(call.method) === false ? OTHER_METHOD : call.method;
    const identity = callAttributes(system, method, call);
    const start = recorder && {
      tracer: recorder,
      // The conventions want a name of few values.
      name: method === OTHER_METHOD ? system : method,
      kind: SpanKind.CLIENT,
      attributes: withExtras(identity, method, call),
    };
    const operation = new Operation(parent, start, measured?.(identity));
    const { span } = operation;
    if (requestHook !== undefined && span !== undefined && operation.recording)
      guarded('options.requestHook threw', () => requestHook({ span, request: call }));
    return operation;
  }

  function withExtras(identity: Attributes, method: string, call: RpcCall): Attributes {
    if (method !== OTHER_METHOD && options.attributes === undefined) return identity;
    return {
      ...identity,
      ...(method === OTHER_METHOD && { [ATTR_RPC_METHOD_ORIGINAL]: call.method }),
      ...extraAttributes(options.attributes, call),
    };
  }

  return (call, parent) => {
    const operation =
      guarded('a call could not be traced', () => operationOf(call, parent)) ?? new Operation(parent);
    return {
      inject(carrier) {
        const context = guarded('a call could not be described; nothing was sent', () =>
          sendable(operation.context, call),
        );
        if (context !== undefined)
          injectContext(carrier, { context, propagator: propagatorOf(options.propagator) });
      },
      end(outcome, peer) {
        if (peer !== undefined && operation.recording) operation.describe(peerAttributes(peer));
        operation.end(rpcResult(call, outcome, clientErrorType(outcome), options));
      },
    };
  };
}
