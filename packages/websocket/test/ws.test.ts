import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import { assertErrorType, type SpanCollector } from '@throughline/testing';
import { envelopeCodec } from '@throughline/websocket';
import { traceWebSocket as traceNative } from '@throughline/websocket/native';
import { traceWebSocket, traceWebSocketServer } from '@throughline/websocket/ws';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { startRecording, stopRecording } from './recording.ts';

const messages = { codec: envelopeCodec };
const Server = traceWebSocketServer(WebSocketServer, { messages, selfCheck: 'off' });
const Client = traceWebSocket(WebSocket, { messages });

let spans: SpanCollector;
let server: WebSocketServer;
let url: string;
beforeEach(async () => {
  spans = startRecording();
  server = new Server({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`;
});
afterEach(async () => {
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
  // What a case is not about.
  spans.reset();
  stopRecording(spans);
});

/** Opens a socket, and returns both of its ends. */
async function open<Socket extends WebSocket>(socket: Socket): Promise<[client: Socket, server: WebSocket]> {
  const connected = once(server, 'connection');
  await once(socket, 'open');
  return [socket, (await connected)[0]];
}

const nextMessage = async (socket: WebSocket): Promise<RawData> => (await once(socket, 'message'))[0];

describe('a traced socket of ws', () => {
  it('is an instance of the class, and is among the clients of its server', async () => {
    const [client, side] = await open(new Client(url));
    expect(client).toBeInstanceOf(WebSocket);
    expect(side).toBeInstanceOf(WebSocket);
    expect([...server.clients]).toEqual([side]);
    const received = nextMessage(client);
    for (const one of server.clients) one.send('to all');
    expect(String(await received)).toBe('to all');
  });

  it('calls listeners that were added in any way, and none that was removed', async () => {
    const [client, side] = await open(new Client(url));
    const heard: string[] = [];
    const removed = () => heard.push('removed');
    client.on('message', (data) => heard.push(`on ${data}`));
    client.once('message', (data) => heard.push(`once ${data}`));
    client.addEventListener('message', ({ data }) => heard.push(`addEventListener ${data}`));
    client.onmessage = ({ data }) => heard.push(`onmessage ${data}`);
    client.on('message', removed).off('message', removed);
    client.addEventListener('message', removed);
    client.removeEventListener('message', removed);
    side.send('1');
    side.send('2');
    while (heard.length < 7) await new Promise((next) => setImmediate(next));
    expect(heard).toEqual([
      'on 1',
      'once 1',
      'addEventListener 1',
      'onmessage 1',
      'on 2',
      'addEventListener 2',
      'onmessage 2',
    ]);
  });

  it('is traced once by classes that are traced twice', async () => {
    const Twice = traceWebSocketServer(Server, { messages, selfCheck: 'off' });
    const other = new Twice({ port: 0, host: '127.0.0.1' });
    await once(other, 'listening');
    const client = new (traceWebSocket(Client, { messages }))(
      `ws://127.0.0.1:${(other.address() as AddressInfo).port}/`,
    );
    const [side] = (await once(other, 'connection')) as [WebSocket];
    const received = nextMessage(client);
    side.send('x');
    expect(String(await received)).toBe('x');
    await spans.take(({ kind }) => kind === SpanKind.SERVER);
    await spans.take(({ kind }) => kind === SpanKind.PRODUCER);
    await spans.take(({ kind }) => kind === SpanKind.CONSUMER);
    side.terminate();
    await new Promise((resolve) => other.close(resolve));
    await spans.take(({ kind }) => kind === SpanKind.CLIENT);
    spans.assertClean();
  });

  it.each([
    ['nodebuffer', (data: unknown) => Buffer.isBuffer(data) && data],
    ['arraybuffer', (data: unknown) => data instanceof ArrayBuffer && Buffer.from(data)],
    ['fragments', (data: unknown) => Array.isArray(data) && Buffer.concat(data)],
  ] as const)('delivers bytes as %s, without the envelope', async (type, read) => {
    const [client, side] = await open(new Client(url));
    client.binaryType = type;
    for (const bytes of [
      Buffer.from([1, 2, 255]),
      new Uint8Array([1, 2, 255]),
      new Uint8Array([1, 2, 255]).buffer,
    ]) {
      const received = nextMessage(client);
      side.send(bytes);
      expect(read(await received)).toEqual(Buffer.from([1, 2, 255]));
    }
  });

  it('puts the context before the first fragment of a message that is sent in parts', async () => {
    const [client, side] = await open(new Client(url));
    const received = nextMessage(client);
    side.send('one ', { fin: false });
    side.send('two ', { fin: false });
    side.send('three', { fin: true });
    expect(String(await received)).toBe('one two three');
    expect((await spans.take(({ kind }) => kind === SpanKind.PRODUCER)).name).toBe('send /chat');
    await spans.take(({ kind }) => kind === SpanKind.CONSUMER);
    const again = nextMessage(client);
    side.send('whole');
    expect(String(await again)).toBe('whole');
    await spans.take(({ kind }) => kind === SpanKind.PRODUCER);
  });

  it('reports a message that could not be sent to the callback, and on its span', async () => {
    const [client] = await open(new Client(url));
    client.close();
    await once(client, 'close');
    const error = await new Promise((resolve) => client.send('late', resolve));
    expect(error).toBeInstanceOf(Error);
    assertErrorType(await spans.take(({ kind }) => kind === SpanKind.PRODUCER), /./);
    expect(() => new Client(url).on('error', () => {}).send('early')).toThrow('CONNECTING');
  });

  it('lets the error of a listener reach the process as without tracing, and records it', async () => {
    const [client, side] = await open(new Client(url));
    const failure = new Error('from the listener');
    const strays = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const caught = once(process, 'uncaughtException');
    client.on('message', () => {
      throw failure;
    });
    side.send('x');
    expect((await caught)[0]).toBe(failure);
    for (const stray of strays) process.on('uncaughtException', stray);
    assertErrorType(await spans.take(({ kind }) => kind === SpanKind.CONSUMER), 'Error');
  });

  it('makes a CLIENT span for each redirect, and sends no context to another origin', async () => {
    const arrived: unknown[] = [];
    server.on('connection', (_, req: IncomingMessage) => arrived.push(req.headers.traceparent));
    const redirecting = createServer().on('upgrade', (_, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nConnection: close\r\n\r\n`);
    });
    await once(redirecting.listen(0, '127.0.0.1'), 'listening');
    const { port } = redirecting.address() as AddressInfo;
    await open(new Client(`ws://127.0.0.1:${port}/`, { followRedirects: true }));
    redirecting.close();
    expect(arrived).toEqual([undefined]);
    const first = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
    const second = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
    expect(first.attributes['http.response.status_code']).toBe(302);
    expect(second.attributes['http.response.status_code']).toBe(101);
  });

  it("calls the application's own finishRequest, which sends the request", async () => {
    const finished: string[] = [];
    const [client] = await open(
      new Client(url, {
        finishRequest(request, socket) {
          finished.push(typeof request.getHeader('traceparent'), String(socket instanceof WebSocket));
          request.end();
        },
      }),
    );
    expect(finished).toEqual(['string', 'true']);
    expect(client.readyState).toBe(WebSocket.OPEN);
  });

  it('records a server that refuses, and one that is not there', async () => {
    const http = createServer().on('upgrade', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    await once(http.listen(0, '127.0.0.1'), 'listening');
    const { port } = http.address() as AddressInfo;
    const fail = async () => (await once(new Client(`ws://127.0.0.1:${port}/`), 'error'))[0];
    expect((await fail()).message).toContain('403');
    const refused = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
    expect(refused.attributes['http.response.status_code']).toBe(403);
    assertErrorType(refused, '403');
    await new Promise((resolve) => http.close(resolve));
    expect((await fail()).code).toBe('ECONNREFUSED');
    assertErrorType(await spans.take(({ kind }) => kind === SpanKind.CLIENT), 'ECONNREFUSED');
  });
});

describe.skipIf(typeof globalThis.WebSocket !== 'function')("a traced socket of Node's own class", () => {
  const Native =
    typeof globalThis.WebSocket === 'function' ? traceNative(globalThis.WebSocket, { messages }) : undefined;
  const openNative = async () => {
    if (Native === undefined) throw new Error('unreachable');
    const connected = once(server, 'connection');
    const socket = new Native(url, ['chat']);
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    return [socket, (await connected)[0]] as const;
  };

  it('calls listeners that were added in any way, and none that was removed', async () => {
    const [socket, side] = await openNative();
    const heard: string[] = [];
    const removed = () => heard.push('removed');
    socket.onmessage = ({ data }) => heard.push(`onmessage ${data}`);
    socket.addEventListener('message', ({ data }) => heard.push(`addEventListener ${data}`));
    socket.addEventListener('message', ({ data }) => heard.push(`once ${data}`), { once: true });
    socket.addEventListener('message', removed);
    socket.removeEventListener('message', removed);
    side.send('1');
    side.send('2');
    while (heard.length < 5) await new Promise((next) => setImmediate(next));
    expect(heard).toEqual([
      'onmessage 1',
      'addEventListener 1',
      'once 1',
      'onmessage 2',
      'addEventListener 2',
    ]);
    expect(socket.protocol).toBe('chat');
    expect(socket).toBeInstanceOf(globalThis.WebSocket);
    socket.close();
  });

  it('delivers bytes as a Blob by default, and as an ArrayBuffer when asked to, without the envelope', async () => {
    const [socket, side] = await openNative();
    expect(socket.binaryType).toBe('blob');
    const next = () =>
      new Promise<MessageEvent>((resolve) => socket.addEventListener('message', resolve, { once: true }));
    let received = next();
    side.send(Buffer.from([1, 255]));
    const event = await received;
    expect(event.target).toBe(socket);
    expect(event.type).toBe('message');
    expect(Buffer.from(await (event.data as Blob).arrayBuffer())).toEqual(Buffer.from([1, 255]));
    socket.binaryType = 'arraybuffer';
    received = next();
    side.send(Buffer.from([1, 255]));
    expect(Buffer.from((await received).data)).toEqual(Buffer.from([1, 255]));
    socket.close();
  });

  it('records a handshake that failed', async () => {
    if (Native === undefined) return;
    const socket = new Native('ws://127.0.0.1:1/');
    await new Promise((resolve) => socket.addEventListener('error', resolve));
    assertErrorType(await spans.take(({ kind }) => kind === SpanKind.CLIENT), /./);
  });
});
