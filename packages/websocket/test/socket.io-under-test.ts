import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  BarePeer,
  SocketConformanceOptions,
  SocketListeners,
  SocketSide,
  SocketsUnderTest,
  SocketTraceOptions,
  TracedPeer,
} from '@throughline/testing';
import { traceServer } from '@throughline/websocket/socket.io';
import { traceConnect } from '@throughline/websocket/socket.io-client';
import { Server, type Socket } from 'socket.io';
import { io } from 'socket.io-client';
import { inbox } from './inbox.ts';

type Transport = 'polling' | 'websocket';

/** The sockets of Socket.IO that the kit runs against, by title. */
export const SOCKET_IO: Readonly<Record<string, Omit<SocketConformanceOptions, 'sdk'>>> = {
  'Socket.IO, polling': underTest('polling'),
  'Socket.IO, websocket': underTest('websocket'),
};

function underTest(transport: Transport): Omit<SocketConformanceOptions, 'sdk'> {
  return {
    name: `Socket.IO, ${transport}`,
    system: 'socket.io',
    status: transport === 'polling' ? 200 : 101,
    capabilities: {
      clientSpan: { reason: 'the client does not show its handshake' },
      rawFields: { reason: 'the library serializes the context' },
      ...(transport === 'polling' && {
        repeatedHeaders: { reason: 'its client joins the values of a header' },
      }),
    },
    open: (traceOptions, listeners) => open(transport, traceOptions, listeners),
  };
}

async function open(
  transport: Transport,
  { server = {}, client = {}, carries: carry = true }: SocketTraceOptions,
  listeners: SocketListeners,
): Promise<SocketsUnderTest> {
  const http = createServer();
  const transports = [transport];
  const sockets = traceServer(
    new Server(http, {
      transports,
      allowRequest: (req, answer) => answer(null, !req.url?.includes('refused')),
    }),
    { ...server, selfCheck: 'off', messages: { ...server.messages, carry } },
  );
  const connect = traceConnect(io, { ...client, messages: { ...client.messages, carry } });
  sockets.on('connection', (socket: Socket) => {
    const side: SocketSide = { send: (body) => socket.emit('order', body) };
    socket.on('order', (body: string) => listeners.served(body, side));
    socket.on('disconnect', () => listeners.closed());
    listeners.connected(side);
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const { port } = http.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const fresh = { transports, forceNew: true, reconnection: false };

  const opened = async <Client extends ReturnType<typeof io>>(socket: Client): Promise<Client> => {
    await new Promise<void>((resolve, reject) => {
      socket.on('connect', resolve);
      socket.on('connect_error', reject);
    });
    return socket;
  };
  const closing = (socket: ReturnType<typeof io>) =>
    new Promise<void>((resolve) => {
      socket.on('disconnect', () => resolve());
      socket.disconnect();
    });

  return {
    async connect(): Promise<TracedPeer> {
      const socket = await opened(connect(url, fresh));
      socket.on('order', (body) => listeners.answered(body));
      return { send: (body) => socket.emit('order', body), close: () => closing(socket) };
    },
    async connectBare({ headers = {}, query = {}, refused } = {}): Promise<BarePeer> {
      const more = refused ? { refused: 'yes' } : {};
      // The cast: Node sends each value of a list as a header of its own.
      const extraHeaders = headers as Record<string, string>;
      const socket = io(url, { ...fresh, extraHeaders, query: { ...query, ...more } });
      const received = inbox<unknown[]>();
      socket.on('order', (...args) => received.put(args));
      await opened(socket);
      return {
        send: (body, fields) =>
          socket.emit('order', body, ...(fields === undefined ? [] : [{ $trace: fields }])),
        sendRaw: (body, fields) => socket.emit('order', body, { $trace: JSON.parse(fields) }),
        async received() {
          const args = await received.take();
          const [body, carried] = args;
          return {
            raw: args.length === 1 ? String(body) : JSON.stringify(args),
            body: String(body),
            fields: (carried as { $trace?: Record<string, unknown> } | undefined)?.$trace,
          };
        },
        close: () => closing(socket),
      };
    },
    async close() {
      await sockets.close();
    },
  };
}
