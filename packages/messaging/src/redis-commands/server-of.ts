import type { MessagingTarget } from '../verbs/message.ts';

/** Where the settings of a client say that its server is. */
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
