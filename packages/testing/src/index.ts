export type {
  Capabilities,
  ConformanceCase,
  ConformanceRunner,
  Skip,
} from './conformance-case.ts';
export type { ConformanceSdk, SamplerLike, SpanProcessorLike } from './conformance-sdk.ts';
export {
  type ClientRequest,
  type ClientResponse,
  defineHttpClientConformance,
  type HttpClientCapability,
  type HttpClientConformanceOptions,
  type HttpClientTraceOptions,
  type HttpClientUnderTest,
  httpClientConformanceCases,
} from './http-client-conformance.ts';
export {
  type CutErrorTypes,
  defineHttpServerConformance,
  type HookSpan,
  type HttpServerCapability,
  type HttpServerConformanceOptions,
  type HttpServerSetup,
  type HttpServerTraceOptions,
  httpServerConformanceCases,
  type ServedHttp,
} from './http-server-conformance.ts';
export type { EndpointCall, EndpointReply, HttpServerEndpoint } from './http-server-endpoints.ts';
export {
  defineMessagingConformance,
  type HandlerOutcome,
  type MessageOnWire,
  type MessageToHandle,
  type MessageToSend,
  type MessagingCapability,
  type MessagingClientUnderTest,
  type MessagingConformanceOptions,
  type MessagingSpanNames,
  type MessagingTraceOptions,
  messagingConformanceCases,
} from './messaging-conformance.ts';
export type { ResourceMetricsLike } from './metric-points.ts';
export type { RecordedSpan } from './recorded-span.ts';
export { createSpanCollector, type SpanCollector } from './span-collector.ts';
export {
  assertConnectedTrace,
  assertErrorType,
  assertParent,
  assertRoot,
  assertSpan,
} from './trace-assertions.ts';
export { describeSpan, describeTrace } from './trace-tree.ts';
