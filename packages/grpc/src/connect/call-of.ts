import { carrierGetter } from '@throughline/core';
import type { RpcCall } from '../rpc/rpc-call.ts';
import type { ConnectRequestLike } from './messages.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Describes a request that interceptors see. */
export function callOf({ url, header, service, method }: ConnectRequestLike): RpcCall {
  return {
    method: `${service.typeName}/${method.name}`,
    metadata: (name) => carrierGetter.get(header, name),
    ...serverOf(url),
  };
}

function serverOf(url: string): Pick<RpcCall, 'serverAddress' | 'serverPort'> {
  if (!URL.canParse(url)) return {};
  const { protocol, hostname, port } = new URL(url);
  return {
    serverAddress: hostname.replace(/^\[(.*)\]$/, '$1'),
    serverPort: port === '' ? DEFAULT_PORTS[protocol] : Number(port),
  };
}
