import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What was seen to leave for one response. */
export interface SentHead {
  status?: number;
  /** Whether it was written past the response. */
  past?: boolean;
  /** Called when the protocol changes. */
  switched?(): void;
}

interface Watched {
  _httpMessage?: ServerResponse & { _headerSent?: boolean };
  _writeGeneric(writev: boolean, data: unknown, encoding: unknown, done: unknown): void;
}

const heads = new WeakMap<ServerResponse, SentHead>();
const watched = new WeakSet<Socket>();

/** Watches what leaves on a connection, for one of its responses. */
export function watchHead(socket: Socket, res: ServerResponse, head: SentHead): void {
  heads.set(res, head);
  if (watched.has(socket)) return;
  watched.add(socket);
  const wire = socket as unknown as Watched;
  const { _writeGeneric: write } = wire;
  wire._writeGeneric = (writev, data, encoding, done) => {
    const message = wire._httpMessage;
    const found = message && heads.get(message);
    const first = writev ? (data as { chunk: unknown }[])[0]?.chunk : data;
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(String(first))?.[1];
    if (
      found &&
      found.status === undefined &&
      status !== undefined &&
      (status === '101' || status >= '200')
    ) {
      // Node answers a request that was cut off, whose client has left.
      const past = message._headerSent !== true;
      if (!(past && socket.readableEnded)) Object.assign(found, { status: Number(status), past });
    }
    write.call(socket, writev, data, encoding, done);
    if (found?.status === 101) found.switched?.();
  };
}
