export type {
  CallPropagation,
  HttpClientOptions,
  HttpClientOutcome,
  HttpClientRequest,
  PropagationTargets,
  Target,
  TargetWithPropagator,
} from '@throughline/http-semantics';
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
