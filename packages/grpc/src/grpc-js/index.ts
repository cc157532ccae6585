/**
 * Interceptors for `@grpc/grpc-js`.
 *
 * @module
 */
export type { RpcCall, RpcOutcome } from '../rpc/rpc-call.ts';
export type { RpcClientOptions, RpcServerOptions } from '../rpc/rpc-options.ts';
export type { RpcTarget } from '../rpc/targets.ts';
export { type GrpcClientInterceptor, traceClient } from './trace-client.ts';
export { type GrpcServerInterceptor, traceServer } from './trace-server.ts';
