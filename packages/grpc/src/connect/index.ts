/**
 * Interceptors for `@connectrpc/connect`, over Connect, gRPC and gRPC-Web.
 *
 * @module
 */
export type { RpcCall, RpcOutcome } from '../rpc/rpc-call.ts';
export type { RpcClientOptions, RpcServerOptions } from '../rpc/rpc-options.ts';
export type { RpcTarget } from '../rpc/targets.ts';
export type { ConnectInterceptor } from './messages.ts';
export { traceClient } from './trace-client.ts';
export { traceServer } from './trace-server.ts';
