export { activeContext, runInContext } from './active-context.ts';
export { baggageFields, getBaggageEntry, withBaggage } from './baggage.ts';
export { type Carrier, carrierGetter, carrierSetter, type HeadersLike } from './carrier.ts';
export type { ExtractionOutcome } from './extraction-outcome.ts';
export type { ForwardedRequest } from './forwarded.ts';
export type {
  HttpClientOptions,
  HttpClientOutcome,
  HttpClientRequest,
  PropagationTargets,
} from './http-client-options.ts';
export type { DescribableSpan, HttpOptions } from './http-options.ts';
export { createHttpServerTracer, type HttpServerTracer } from './http-server.ts';
export type { HttpServerExchange } from './http-server-exchange.ts';
export type { HttpServerOptions } from './http-server-options.ts';
export type { HttpServerOutcome, HttpServerRequest, RequestHeaders } from './http-server-request.ts';
export type { Owner } from './option-check.ts';
export type { CallPropagation } from './outbound-injection.ts';
export { extractContext, type InjectOptions, injectContext } from './propagation.ts';
export type { Target, TargetWithPropagator } from './targets.ts';
export { createTraceHeaders, type TraceHeaders, traceHeaders } from './trace-headers.ts';
export { traceInterceptor } from './trace-interceptor.ts';
export {
  createTracedFetch,
  type TracedFetch,
  type TracedFetchOptions,
  type TracedRequestInit,
  tracedFetch,
} from './traced-fetch.ts';
export type { ParentTrust, TrustDecision, TrustPolicy } from './trust.ts';
