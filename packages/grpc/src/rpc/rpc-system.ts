import type { Attributes } from '@opentelemetry/api';
import { semconv } from '@throughline/core/seam';
import type { RpcCall, RpcOutcome, RpcPeer } from './rpc-call.ts';
import { ATTR_RPC_METHOD, ATTR_RPC_STATUS_CODE, ATTR_RPC_SYSTEM_NAME } from './rpc-conventions.ts';

/** Value of `rpc.system.name`. */
export type RpcSystem = 'grpc' | 'connectrpc';

/** The name of a method that is not known to exist. */
export const OTHER_METHOD = '_OTHER';

/** Those with which a server says that it failed itself, and not its caller. */
const SERVER_ERRORS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** Returns `error.type` of a SERVER span: the status, if it is an error of the server. */
export function serverErrorType({ statusCode }: RpcOutcome): string | undefined {
  return statusCode !== undefined && SERVER_ERRORS.has(statusCode.toUpperCase()) ? statusCode : undefined;
}

/** Returns `error.type` of a CLIENT span: any status but `OK`. */
export function clientErrorType({ statusCode }: RpcOutcome): string | undefined {
  return statusCode === 'OK' ? undefined : statusCode;
}

/** Returns what is known at the end, for span and measurement. */
export function statusAttributes({ statusCode }: RpcOutcome): Attributes {
  return statusCode === undefined ? {} : { [ATTR_RPC_STATUS_CODE]: statusCode };
}

/** Returns the attributes of the other end of the connection, to be added to a span; `undefined` where not known. */
export function peerAttributes(peer: RpcPeer): Attributes {
  return {
    [semconv.ATTR_NETWORK_PEER_ADDRESS]: peer.address,
    [semconv.ATTR_NETWORK_PEER_PORT]: peer.port,
  };
}

/** Returns the attributes that samplers see: what is called, and where. */
export function callAttributes(
  system: RpcSystem,
  method: string,
  { serverAddress, serverPort }: RpcCall,
): Attributes {
  const attributes: Attributes = {
    [ATTR_RPC_SYSTEM_NAME]: system,
    [ATTR_RPC_METHOD]: method,
  };
  if (serverAddress !== undefined) attributes[semconv.ATTR_SERVER_ADDRESS] = serverAddress;
  if (serverPort !== undefined) attributes[semconv.ATTR_SERVER_PORT] = serverPort;
  return attributes;
}
