import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, SpanKind, trace } from '@opentelemetry/api';
import type { SpanCollector } from '@throughline/testing';
import { traceServer } from '@throughline/websocket/socket.io';
import { traceConnect } from '@throughline/websocket/socket.io-client';
import { Server, type Socket } from 'socket.io';
import { io as bareConnect, type Socket as ClientSocket } from 'socket.io-client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRecording, stopRecording } from './recording.ts';

const messages = { carry: true };
const connect = traceConnect(bareConnect, { messages });

let spans: SpanCollector;
let http: HttpServer;
let io: Server;
let url: string;
const clients: ClientSocket[] = [];
beforeEach(async () => {
  spans = startRecording();
  http = createServer();
  io = traceServer(new Server(http), { selfCheck: 'off', messages });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await io.close();
  spans.reset();
  stopRecording(spans);
});

async function open(how = connect, path = ''): Promise<[client: ClientSocket, server: Socket]> {
  const connected = new Promise<Socket>((resolve) => io.of(path || '/').once('connection', resolve));
  const client = how(`${url}${path}`, { forceNew: true, transports: ['websocket'] });
  clients.push(client);
  return [client, await connected];
}

const traceId = () => trace.getSpanContext(context.active())?.traceId;
/** Returns the arguments that the next event brings, and the trace that its listener runs in. */
const heard = (
  socket: { once(event: string, listener: (...args: unknown[]) => void): unknown },
  event: string,
) =>
  new Promise<{ args: unknown[]; traceId: string | undefined }>((resolve) =>
    socket.once(event, (...args) => resolve({ args, traceId: traceId() })),
  );
const inSpan = <T>(fn: () => T): [result: T, traceId: string] => {
  const span = trace.getTracer('application').startSpan('caller');
  const result = context.with(trace.setSpan(context.active(), span), fn);
  span.end();
  return [result, span.spanContext().traceId];
};

it('carries the context of send, emit and emitWithAck, each way, and of broadcasts', async () => {
  const [client, side] = await open();
  const [other] = await open();
  const ways: [string, ClientSocket | Socket, () => unknown][] = [
    ['message', side, () => client.send('x')],
    ['order', side, () => client.emit('order', 'x')],
    [
      'order',
      side,
      () =>
        void client
          .timeout(50)
          .emitWithAck('order', 'x')
          .catch(() => {}),
    ],
    ['message', client, () => side.send('x')],
    ['order', client, () => side.emit('order', 'x')],
    ['order', client, () => side.volatile.emit('order', 'x')],
    ['order', client, () => io.emit('order', 'x')],
    ['order', client, () => io.of('/').emit('order', 'x')],
    ['order', other, () => side.broadcast.emit('order', 'x')],
  ];
  for (const [event, receiver, send] of ways) {
    const hearing = heard(receiver as ClientSocket, event);
    const [, sent] = inSpan(send);
    const { args, traceId: found } = await hearing;
    expect(args[0]).toBe('x');
    expect(args.slice(1).filter((arg) => typeof arg !== 'function')).toEqual([]);
    expect(found).toBe(sent);
  }
});

it('adds one argument before the acknowledgement, and nothing if it is to carry nothing', async () => {
  const [client, side] = await open(bareConnect as typeof connect);
  const [, sent] = inSpan(() => side.emit('order', 1));
  const hearing = heard(client, 'order');
  expect((await hearing).args).toEqual([1, { $trace: { traceparent: expect.stringContaining(sent) } }]);

  const plainHttp = createServer();
  const plain = traceServer(new Server(plainHttp), { selfCheck: 'off' });
  await once(plainHttp.listen(0, '127.0.0.1'), 'listening');
  const socket = bareConnect(`http://127.0.0.1:${(plainHttp.address() as AddressInfo).port}`, {
    forceNew: true,
  });
  clients.push(socket);
  const hearingPlain = heard(socket, 'order');
  plain.on('connection', (one) => inSpan(() => one.emit('order', 1, { $trace: { own: 1 } })));
  expect((await hearingPlain).args).toEqual([1, { $trace: { own: 1 } }]);
  await plain.close();
});

it('runs an acknowledgement in the context of the code that asked for it', async () => {
  const [client, side] = await open();
  side.on('ask', (_, done) => done('answer'));
  const [answered, asked] = inSpan(
    () => new Promise((resolve) => client.emit('ask', 1, (answer: unknown) => resolve([answer, traceId()]))),
  );
  expect(await answered).toEqual(['answer', asked]);
  client.on('ask', (done) => done('from the client'));
  const [awaited] = inSpan(() => side.timeout(1_000).emitWithAck('ask'));
  expect(await awaited).toBe('from the client');
});

it('traces namespaces, and middleware in the context of the handshake', async () => {
  const seen: (string | undefined)[] = [];
  io.of('/admin').use((socket, next) => {
    seen.push(traceId());
    expect(socket.nsp.name).toBe('/admin');
    next();
  });
  const [client, side] = await open(connect, '/admin');
  const handshake = await spans.take(({ kind }) => kind === SpanKind.SERVER);
  expect(seen).toEqual([handshake.spanContext().traceId]);
  const hearing = heard(side as never, 'order');
  const [, sent] = inSpan(() => client.emit('order'));
  expect((await hearing).traceId).toBe(sent);
});

it('removes listeners as without tracing', async () => {
  const [client, side] = await open();
  const calls: string[] = [];
  const removed = () => calls.push('removed');
  side.on('order', removed);
  side.off('order', removed);
  side.once('order', () => calls.push('once'));
  side.on('order', () => calls.push('on'));
  client.emit('order');
  client.emit('order');
  while (calls.length < 3) await new Promise((next) => setImmediate(next));
  expect(calls).toEqual(['once', 'on', 'on']);
});

it('starts a trace that links to the handshake for what is broadcast from the events of a socket', async () => {
  const [client] = await open();
  io.on('connection', (socket) => {
    socket.broadcast.emit('joined');
  });
  const first = await spans.take(({ kind }) => kind === SpanKind.SERVER);
  const hearing = heard(client, 'joined');
  await open();
  await hearing;
  const second = await spans.take(({ kind }) => kind === SpanKind.SERVER);
  const sent = await spans.take(({ kind }) => kind === SpanKind.PRODUCER);
  expect(first.spanContext().traceId).not.toBe(second.spanContext().traceId);
  expect(sent.parentSpanContext).toBeUndefined();
  expect(sent.links.map((link) => link.context.spanId)).toEqual([second.spanContext().spanId]);
});

it('traces a server once, however often it is asked to', async () => {
  const twice = traceServer(io, { selfCheck: 'off', messages });
  expect(twice).toBe(io);
  const [client] = await open();
  const hearing = heard(client, 'order');
  twice.emit('order', 1);
  expect((await hearing).args).toEqual([1]);
  await spans.take(({ kind }) => kind === SpanKind.CONSUMER);
  await spans.take(({ kind }) => kind === SpanKind.PRODUCER);
  await spans.take(({ kind }) => kind === SpanKind.SERVER);
  spans.assertClean();
});
