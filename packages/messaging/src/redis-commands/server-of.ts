import type { MessagingTarget } from '../verbs/message.ts';

/** The settings of a client that name its server. */
export interface ServerOptions {
  readonly host?: unknown;
  readonly port?: unknown;
}

/** Returns the server that the settings of a client name. */
export function serverOf({ host, port }: ServerOptions = {}): MessagingTarget {
  return {
    ...(typeof host === 'string' && { serverAddress: host }),
    ...(typeof port === 'number' && { serverPort: port }),
  };
}
