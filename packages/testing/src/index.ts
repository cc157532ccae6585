export {
  defineHttpClientConformance,
  httpClientConformanceCases,
} from './client/http-client-conformance.ts';
export type {
  HttpClientCapability,
  HttpClientConformanceOptions,
  HttpClientTraceOptions,
} from './client/http-client-conformance-options.ts';
export type { ClientRequest, ClientResponse, HttpClientUnderTest } from './client/http-client-under-test.ts';
export { defineGraphqlConformance, graphqlConformanceCases } from './graphql/graphql-conformance.ts';
export type {
  GraphqlApplication,
  GraphqlCapability,
  GraphqlConformanceOptions,
  GraphqlSetup,
  GraphqlTraceOptions,
  LoaderUnderTest,
  ServedGraphql,
  SubscribedEvents,
} from './graphql/graphql-conformance-options.ts';
export type { Capabilities, ConformanceCase, ConformanceRunner, Skip } from './kit/conformance-case.ts';
export type { ConformanceSdk, SamplerLike, SpanProcessorLike } from './kit/conformance-sdk.ts';
export type { RecordedSpan } from './kit/recorded-span.ts';
export { createSpanCollector, type SpanCollector } from './kit/span-collector.ts';
export {
  assertConnectedTrace,
  assertErrorType,
  assertParent,
  assertRoot,
  assertSpan,
} from './kit/trace-assertions.ts';
export { describeTrace } from './kit/trace-tree.ts';
export type {
  HandlerOutcome,
  MessageOnWire,
  MessageToHandle,
  MessageToSend,
  MessagingClientUnderTest,
  WrappedClient,
} from './messaging/messaging-client-under-test.ts';
export { defineMessagingConformance, messagingConformanceCases } from './messaging/messaging-conformance.ts';
export type {
  MessagingCapability,
  MessagingConformanceOptions,
  MessagingSpanNames,
  MessagingTraceOptions,
} from './messaging/messaging-conformance-options.ts';
export { defineRpcConformance, rpcConformanceCases } from './rpc/rpc-conformance.ts';
export type {
  RpcBothTraceOptions,
  RpcCapability,
  RpcClientTraceOptions,
  RpcConformanceOptions,
  RpcServerTraceOptions,
  RpcSetup,
} from './rpc/rpc-conformance-options.ts';
export {
  type RpcAnswer,
  RpcFailure,
  type RpcHandler,
  type RpcKind,
  type RpcToHandle,
  type RpcToMake,
  type RpcUnderTest,
} from './rpc/rpc-under-test.ts';
export { defineHttpServerConformance, httpServerConformanceCases } from './server/http-server-conformance.ts';
export type {
  ArrivedRequest,
  HttpServerCapability,
  HttpServerConformanceOptions,
  HttpServerSetup,
  HttpServerTraceOptions,
  ServedElsewhere,
  ServedHttp,
} from './server/http-server-conformance-options.ts';
export type { EndpointCall, EndpointReply, HttpServerEndpoint } from './server/http-server-endpoint.ts';
export { defineSocketConformance, socketConformanceCases } from './socket/socket-conformance.ts';
export type {
  SocketCapability,
  SocketClientTraceOptions,
  SocketConformanceOptions,
  SocketMessageOptions,
  SocketServerTraceOptions,
  SocketTraceOptions,
} from './socket/socket-conformance-options.ts';
export type {
  BareHandshake,
  BarePeer,
  PeerFields,
  SocketListeners,
  SocketSide,
  SocketsUnderTest,
  TracedPeer,
} from './socket/sockets-under-test.ts';
