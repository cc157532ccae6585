import type { ConformanceSdk, RpcConformanceOptions } from '@throughline/testing';
import { CONNECT_METHODS, type ConnectProtocol, connectBy } from './connect-echo.ts';
import { connectGrpc, GRPC_METHODS } from './grpc-js-echo.ts';

/** Returns the options of the RPC kit for `@grpc/grpc-js`. */
export const grpcLibrary = (sdk: ConformanceSdk): RpcConformanceOptions => ({
  name: '@grpc/grpc-js',
  sdk,
  system: 'grpc',
  methods: GRPC_METHODS,
  statusCode: (status) => status,
  plainErrorStatus: 'UNKNOWN',
  connect: connectGrpc,
});

/** Returns the options of the RPC kit for `@connectrpc/connect` by one of its protocols. */
export const connectLibrary = (
  protocol: ConnectProtocol,
  version: '1.1' | '2',
  sdk: ConformanceSdk,
): RpcConformanceOptions => ({
  name: `@connectrpc/connect, ${protocol} over HTTP/${version}`,
  sdk,
  system: 'connectrpc',
  methods: CONNECT_METHODS,
  statusCode: (status) =>
    status === 'OK' ? undefined : status === 'CANCELLED' ? 'canceled' : status.toLowerCase(),
  plainErrorStatus: 'INTERNAL',
  connect: connectBy(protocol, version),
  capabilities: {
    ...(version === '1.1' && { bidi: { reason: 'HTTP/1.1 does not stream in both directions at once' } }),
    listeners: { reason: 'handlers read by iteration; there are no listeners but those of the signal' },
    retries: { reason: 'the library repeats no calls' },
    serverDeadline: { reason: 'the library leaves it to the handler to stop at a deadline' },
    peer: { reason: 'the library does not show connections to interceptors' },
  },
});
