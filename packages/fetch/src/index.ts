export type {
  HttpClientOptions,
  HttpClientOutcome,
  HttpClientRequest,
  PropagationTargets,
} from './http-client-options.ts';
export type { CallPropagation } from './outbound-injection.ts';
export type { Target, TargetWithPropagator } from './targets.ts';
export { traceAgent } from './trace-agent.ts';
export { createTraceHeaders, type TraceHeaders, traceHeaders } from './trace-headers.ts';
export { traceInterceptor } from './trace-interceptor.ts';
export {
  createTracedFetch,
  type TracedFetch,
  type TracedFetchOptions,
  type TracedRequestInit,
  tracedFetch,
} from './traced-fetch.ts';
