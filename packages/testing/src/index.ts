export {
  type ClientRequest,
  type ClientResponse,
  defineHttpClientConformance,
  type HttpClientCapability,
  type HttpClientConformanceOptions,
  type HttpClientTraceOptions,
  type HttpClientUnderTest,
  httpClientConformanceCases,
} from './client/http-client-conformance.ts';
export type { Capabilities, ConformanceCase, ConformanceRunner, Skip } from './kit/conformance-case.ts';
export type { ConformanceSdk, SamplerLike, SpanProcessorLike } from './kit/conformance-sdk.ts';
export type { ResourceMetricsLike } from './kit/metric-points.ts';
export type { RecordedSpan } from './kit/recorded-span.ts';
export { createSpanCollector, type SpanCollector } from './kit/span-collector.ts';
export {
  assertConnectedTrace,
  assertErrorType,
  assertParent,
  assertRoot,
  assertSpan,
} from './kit/trace-assertions.ts';
export { describeSpan, describeTrace } from './kit/trace-tree.ts';
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
} from './messaging/messaging-conformance.ts';
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
} from './server/http-server-conformance.ts';
export type { EndpointCall, EndpointReply, HttpServerEndpoint } from './server/http-server-endpoints.ts';
