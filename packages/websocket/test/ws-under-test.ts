import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
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
import { envelopeCodec, jsonCodec, type MessageCodec } from '@throughline/websocket';
import { graphqlCodec } from '@throughline/websocket/graphql-ws';
import { traceWebSocket as traceNative } from '@throughline/websocket/native';
import { traceWebSocket, traceWebSocketServer } from '@throughline/websocket/ws';
import { WebSocket, WebSocketServer } from 'ws';
import { inbox } from './inbox.ts';

/** How one codec puts the JSON text of fields into a message, written by hand. */
interface Form {
  readonly codec: MessageCodec;
  write(body: string, fields: string): string;
  read(raw: string): { body: string; fields: Record<string, unknown> | undefined };
  readonly isBinary?: boolean;
}

const jsonForm: Form = {
  codec: jsonCodec,
  write: (body, fields) => `{"$trace":${fields},${body.slice(1)}`,
  read(raw) {
    const { $trace: fields, ...body } = JSON.parse(raw);
    return { body: JSON.stringify(body), fields };
  },
};
const MAGIC = '\x01trace';
const envelopeForm: Form = {
  codec: envelopeCodec,
  isBinary: true,
  write: (body, fields) => `${MAGIC}${fields}\n${body}`,
  read(raw) {
    if (!raw.startsWith(MAGIC)) return { body: raw, fields: undefined };
    const end = raw.indexOf('\n');
    return { body: raw.slice(end + 1), fields: JSON.parse(raw.slice(MAGIC.length, end)) };
  },
};
const operation = (body: string, fields?: string) =>
  `{"id":"1","type":"subscribe","payload":{"query":"{a}","variables":${body}${fields === undefined ? '' : `,"extensions":${fields}`}}}`;
const graphqlForm: Form = {
  codec: graphqlCodec,
  write: operation,
  read(raw) {
    const { payload } = JSON.parse(raw);
    return { body: JSON.stringify(payload.variables), fields: payload.extensions };
  },
};

type Client = (options: object) => new (url: string) => WebSocket;

const wsClient: Client = (options) => traceWebSocket(WebSocket, options);
/** Node's own, which has the events of the web; Node 20 has none. The cast: the used part of both is the same. */
const nativeClient: Client = (options) =>
  traceNative(globalThis.WebSocket, options) as unknown as ReturnType<Client>;

const CODECS = { json: jsonForm, envelope: envelopeForm, 'graphql-ws': graphqlForm };

/** The sockets of ws that the kit runs against, by title. */
export const WEBSOCKETS: Readonly<Record<string, Omit<SocketConformanceOptions, 'sdk'>>> = {
  'ws, JSON': underTest('ws, JSON', 'json', wsClient),
  'ws, envelope': underTest('ws, envelope', 'envelope', wsClient),
  'ws, graphql-ws': underTest('ws, graphql-ws', 'graphql-ws', wsClient),
  'WebSocket of Node, JSON': underTest('WebSocket of Node, JSON', 'json', nativeClient),
  'WebSocket of Node, envelope': underTest('WebSocket of Node, envelope', 'envelope', nativeClient),
};

function underTest(
  name: string,
  form: keyof typeof CODECS,
  client: Client,
): Omit<SocketConformanceOptions, 'sdk'> {
  const isPlain = form !== 'graphql-ws';
  return {
    name,
    system: 'websocket',
    status: 101,
    ...(!isPlain && { capabilities: { raw: { reason: 'the content is a part of the frame' } } }),
    open: (traceOptions, listeners) => open(traceOptions, listeners, CODECS[form], client, isPlain),
  };
}

async function open(
  { server = {}, client: clientOptions = {}, carries = true }: SocketTraceOptions,
  listeners: SocketListeners,
  { codec, write, read, isBinary = false }: Form,
  client: Client,
  isPlain: boolean,
): Promise<SocketsUnderTest> {
  const coded = carries ? { codec } : {};
  const Server = traceWebSocketServer(WebSocketServer, {
    ...server,
    selfCheck: 'off',
    messages: { ...server.messages, ...coded },
  });
  const Client = client({ ...clientOptions, messages: { ...clientOptions.messages, ...coded } });
  const plain = (body: string) => (isPlain ? body : operation(body));
  const content = (data: unknown) => {
    const text = data instanceof ArrayBuffer ? Buffer.from(data).toString() : String(data);
    return isPlain ? text : read(text).body;
  };
  const encoded = (text: string) => (isBinary ? Buffer.from(text) : text);

  const sockets = new Server({
    port: 0,
    host: '127.0.0.1',
    verifyClient: ({ req }: { req: IncomingMessage }) => !req.url?.includes('refused'),
  });
  sockets.on('connection', (socket: WebSocket) => {
    const side: SocketSide = { send: (body) => socket.send(encoded(plain(body))) };
    socket.on('message', (data) => listeners.served(content(data), side));
    socket.on('close', () => listeners.closed());
    listeners.connected(side);
  });
  await once(sockets, 'listening');
  const { port } = sockets.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/chat`;

  return {
    async connect(): Promise<TracedPeer> {
      const socket = new Client(url);
      socket.binaryType = 'arraybuffer';
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve);
        socket.addEventListener('error', reject);
      });
      socket.addEventListener('message', ({ data }) => listeners.answered(content(data)) as never);
      return {
        send: (body) => socket.send(encoded(plain(body))),
        close: () =>
          new Promise((resolve) => {
            socket.addEventListener('close', resolve);
            socket.close();
          }),
      };
    },
    async connectBare({ headers, query, refused } = {}): Promise<BarePeer> {
      const target = new URL(url);
      if (refused) target.pathname = '/refused';
      for (const [name, value] of Object.entries(query ?? {})) target.searchParams.set(name, value);
      // The cast: Node sends each value of a list as a header of its own.
      const socket = new WebSocket(target, { headers: (headers ?? {}) as Record<string, string> });
      const received = inbox<string>();
      socket.on('message', (data) => received.put(String(data)));
      await once(socket, 'open');
      return {
        send: (body, fields) =>
          socket.send(encoded(fields === undefined ? plain(body) : write(body, JSON.stringify(fields)))),
        sendRaw: (body, fields) => socket.send(encoded(write(body, fields))),
        async received() {
          const raw = await received.take();
          return { raw, ...read(raw) };
        },
        async close() {
          socket.close();
          await once(socket, 'close');
        },
      };
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}
