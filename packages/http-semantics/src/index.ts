/**
 * HTTP for both sides, in any framework: the exchange of a server, the call of a client, and what they have in common.
 *
 * @module
 */

// The hooks of both sides.
export type { DescribableSpan, RequestHookState, ResponseHookState } from '@throughline/core/seam';
// A client: its calls, its options, and what it sends to whom.
export { createHttpClientTracer, type HttpClientCall, type HttpClientTracer } from './client/http-client.ts';
export {
  checkPropagationTargets,
  type HttpClientOptions,
  type HttpClientOutcome,
  type HttpClientRequest,
  type PropagationTargets,
} from './client/http-client-options.ts';
export {
  type CallPropagation,
  createOutboundInjection,
  createTargetDecider,
  type OutboundInjection,
  type OutboundRequest,
} from './client/outbound-injection.ts';
export type { Target, TargetWithPropagator } from './client/targets.ts';
export type { HttpOptions } from './http-options.ts';
// A server: its tracer, its options, and whom it trusts.
export type { ForwardedRequest } from './server/forwarded.ts';
export { createHttpServerTracer, type HttpServerTracer } from './server/http-server.ts';
export type { ForeignSpan } from './server/http-server-adoption.ts';
export type { HttpServerExchange } from './server/http-server-exchange.ts';
export type { HttpServerOptions, HttpServerRequestHookState } from './server/http-server-options.ts';
export type { HttpServerOutcome, HttpServerRequest, RequestHeaders } from './server/http-server-request.ts';
export type { ObserveServer, ServerObserver } from './server/server-observer.ts';
export { traceHeader } from './server/trace-header.ts';
export {
  allOf,
  anyOf,
  fromCidr,
  type TrustCondition,
  toPath,
  withClientCertificate,
  withSecretHeader,
} from './trust/trust-conditions.ts';
export {
  type SampledBudgetOptions,
  sampledBudget,
  type TrustWhenOptions,
  trustWhen,
} from './trust/trust-when.ts';
