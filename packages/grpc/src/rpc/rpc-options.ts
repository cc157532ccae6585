import type { Attributes, MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import type { TrustPolicy } from '@throughline/core';
import {
  isTrustPolicy,
  type RequestHookState,
  type ResponseHookState,
  TRUST_FORMS,
} from '@throughline/core/seam';
import type { RpcCall, RpcOutcome } from './rpc-call.ts';
import { type RpcTargets, TARGET_RULES } from './targets.ts';

/** The options that servers and clients share. All are checked at set-up; functions are guarded. */
export interface RpcOptions {
  /** Makes the spans. Default: the registered provider; if there is none, nothing is recorded. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Makes the instruments. Default: the registered provider; if there is none, nothing is measured. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Reads and writes the metadata. Default: the registered one; if there is none, the caller's W3C fields are passed on
   * as received. For peers that speak `grpc-trace-bin`: the `GrpcTraceBinPropagator` of `@throughline/propagators`.
   */
  readonly propagator?: TextMapPropagator | undefined;
  /**
   * Returns whether to make no span and no measurement of a call. The caller's context is still passed on. Default: no
   * call is ignored.
   */
  readonly ignore?: ((call: RpcCall) => boolean) | undefined;
  /** Returns more attributes for the span. Called before the span starts, so that samplers see them. Default: none. */
  readonly attributes?: ((call: RpcCall) => Attributes) | undefined;
  /**
   * Called once, when the span has started, before the handler runs or the call is sent; not called for a span that is
   * not recorded. Default: nothing is called.
   */
  readonly requestHook?: ((state: RequestHookState<RpcCall>) => void) | undefined;
  /**
   * Called once, when the call is over, after the other attributes are set and before the span ends; not called for a
   * span that is not recorded. Default: nothing is called.
   */
  readonly responseHook?: ((state: ResponseHookState<RpcCall, RpcOutcome>) => void) | undefined;
}

/** Options of a server's interceptor. */
export interface RpcServerOptions extends RpcOptions {
  /** Which callers to trust with the trace, its sampling and its baggage. Default: `continue`, for every caller. */
  readonly trust?: TrustPolicy<RpcCall> | undefined;
}

/** Options of a client's interceptor. */
export interface RpcClientOptions extends RpcOptions, RpcTargets {
  /**
   * The methods that there are: `['shop.Stock/Get']`. Calls of others are recorded as method `_OTHER`, with the name in
   * `rpc.method_original`. Give it where names come from outside, as in a proxy, and are many. Default: a method that is
   * called exists.
   */
  readonly methods?: readonly string[] | undefined;
}

const SHARED_RULES = {
  tracerProvider: 'tracerProvider',
  meterProvider: 'meterProvider',
  propagator: 'propagator',
  ignore: 'function',
  attributes: 'function',
  requestHook: 'function',
  responseHook: 'function',
} as const;

/** The rules that a server's options are checked against. */
export const SERVER_RULES = { ...SHARED_RULES, trust: [isTrustPolicy, TRUST_FORMS] } as const;

/** The rules that a client's options are checked against. */
export const CLIENT_RULES = { ...SHARED_RULES, ...TARGET_RULES, methods: 'names' } as const;
