import type { MessagingTarget } from '../verbs/message.ts';

const HOST_AND_PORT = /^\[?([^\][,]+?)\]?:(\d+)$/;

/** Returns the server that `host:port` names, with IPv6 addresses in brackets; nothing for anything else. */
export function serverAt(address: unknown): Pick<MessagingTarget, 'serverAddress' | 'serverPort'> {
  const [, serverAddress, port] = HOST_AND_PORT.exec(String(address)) ?? [];
  return serverAddress === undefined ? {} : { serverAddress, serverPort: Number(port) };
}
