import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Context, context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { createSpanCollector } from '@throughline/testing';
import { jsonCodec } from '@throughline/websocket';
import { traceConnect } from '@throughline/websocket/socket.io-client';
import { traceWebSocket } from '@throughline/websocket/ws';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

interface Active {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly sampled?: number;
  readonly tenant?: string;
}
interface Answer {
  readonly handshake: Active;
  readonly message: Active;
}

const children: ChildProcess[] = [];
async function startServer(env: Record<string, string> = {}): Promise<{ ws: number; io: number }> {
  const child = fork(join(import.meta.dirname, 'programs/answering-server.ts'), {
    env: { ...process.env, ...env },
  });
  children.push(child);
  return (await once(child, 'message'))[0];
}

const spans = createSpanCollector();
let ports: { ws: number; io: number };
let portsWithoutSdk: { ws: number; io: number };
beforeAll(async () => {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  [ports, portsWithoutSdk] = await Promise.all([startServer(), startServer({ SDK: 'off' })]);
}, 30_000);
afterAll(() => {
  for (const child of children) child.disconnect();
  for (const api of [context, propagation, trace]) api.disable();
});

/** A caller's request that is being handled, sampled or not, with baggage. */
function caller(traceId: string, flags: '00' | '01'): Context {
  return propagation.extract(ROOT_CONTEXT, {
    traceparent: `00-${traceId}-b7ad6b7169203331-${flags}`,
    baggage: 'tenant=acme',
  });
}
const SAMPLED = '0af7651916cd43dd8448eb211c80319c';
const UNSAMPLED = '1bf7651916cd43dd8448eb211c80319d';

const TracedWebSocket = traceWebSocket(WebSocket, { messages: { codec: jsonCodec } });

/** Asks over ws, and returns the answer with the trace in which it arrived. */
async function askOverWs(port: number): Promise<Answer & { arrivedIn: string | undefined }> {
  const socket = new TracedWebSocket(`ws://127.0.0.1:${port}/chat`);
  await once(socket, 'open');
  const answered = new Promise<Answer & { arrivedIn: string | undefined }>((resolve) => {
    socket.on('message', (data) => {
      const arrivedIn = trace.getSpanContext(context.active())?.traceId;
      resolve({ ...JSON.parse(String(data)), arrivedIn });
    });
  });
  socket.send('{"question":1}');
  const answer = await answered;
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  return answer;
}

const connect = traceConnect(io, { messages: { carry: true } });

/** Asks over Socket.IO, and returns the acknowledgement with the trace in which it was called. */
async function askOverSocketIo(port: number, transport: string) {
  const socket = connect(`http://127.0.0.1:${port}`, { transports: [transport], forceNew: true });
  const answer = await new Promise<Answer & { question: unknown; arrivedIn: string | undefined }>(
    (resolve) => {
      socket.emit('ask', { nested: 1 }, (result: Answer & { question: unknown }) =>
        resolve({ ...result, arrivedIn: trace.getSpanContext(context.active())?.traceId }),
      );
    },
  );
  socket.disconnect();
  return answer;
}

const WAYS: Readonly<Record<string, (of: typeof ports) => ReturnType<typeof askOverWs>>> = {
  ws: (of) => askOverWs(of.ws),
  'Socket.IO over polling': (of) => askOverSocketIo(of.io, 'polling'),
  'Socket.IO over WebSocket': (of) => askOverSocketIo(of.io, 'websocket'),
};

describe.each(Object.entries(WAYS))('two processes and %s', (_, ask) => {
  it('are in one trace, handshake, message and answer, with baggage', async () => {
    const { handshake, message, arrivedIn } = await context.with(caller(SAMPLED, '01'), () => ask(ports));
    expect(handshake).toMatchObject({ traceId: SAMPLED, sampled: 1, tenant: 'acme' });
    expect(message).toMatchObject({ traceId: SAMPLED, sampled: 1, tenant: 'acme' });
    expect(message.spanId).not.toBe(handshake.spanId);
    expect(arrivedIn).toBe(SAMPLED);
    spans.reset();
  });

  it('carry a context that is not sampled', async () => {
    const { handshake, message, arrivedIn } = await context.with(caller(UNSAMPLED, '00'), () => ask(ports));
    expect(handshake).toMatchObject({ traceId: UNSAMPLED, sampled: 0 });
    expect(message).toMatchObject({ traceId: UNSAMPLED, sampled: 0, tenant: 'acme' });
    expect(arrivedIn).toBe(UNSAMPLED);
  });

  it('pass the context on with no SDK in the other process', async () => {
    const { arrivedIn } = await context.with(caller(SAMPLED, '01'), () => ask(portsWithoutSdk));
    expect(arrivedIn).toBe(SAMPLED);
    spans.reset();
  });
});

describe.each(['polling', 'websocket'])('Socket.IO over %s', (transport) => {
  it('carries the context of a message to a room, and its bytes as they are', async () => {
    const open = () => connect(`http://127.0.0.1:${ports.io}`, { transports: [transport], forceNew: true });
    const [one, other] = [open(), open()];
    const told = (socket: ReturnType<typeof open>) =>
      new Promise<{ bytes: Buffer; sender: Active; traceId: string | undefined; length: number }>(
        (resolve) => {
          socket.on('told', (bytes: Buffer, sender: Active, ...more: unknown[]) =>
            resolve({
              bytes,
              sender,
              traceId: trace.getSpanContext(context.active())?.traceId,
              length: more.length,
            }),
          );
        },
      );
    const both = [told(one), told(other)];
    await new Promise<void>((resolve) => other.emit('ask', 0, () => resolve()));
    const bytes = Buffer.from([0, 1, 255]);
    // The last to tell has everyone in the room.
    context.with(caller(UNSAMPLED, '01'), () => other.emit('tell', bytes));
    await both[1];
    context.with(caller(SAMPLED, '01'), () => one.emit('tell', bytes));
    const heard = await both[0];
    expect(heard).toMatchObject({ traceId: SAMPLED, sender: { traceId: SAMPLED }, length: 0 });
    expect(Buffer.from(heard?.bytes ?? [])).toEqual(bytes);
    one.disconnect();
    other.disconnect();
    spans.reset();
  });

  it('connects again in a trace of its own, and messages keep their context', async () => {
    const url = `http://127.0.0.1:${ports.io}`;
    const socket = context.with(caller(SAMPLED, '01'), () =>
      connect(url, { transports: [transport], forceNew: true, reconnectionDelay: 1 }),
    );
    const ask = () => new Promise<Answer>((resolve) => socket.emit('ask', 0, resolve));
    expect((await ask()).handshake.traceId).toBe(SAMPLED);
    const again = new Promise((resolve) =>
      socket.once('disconnect', () => socket.once('connect', resolve as never)),
    );
    socket.emit('drop');
    await again;
    const { handshake, message } = await context.with(caller(UNSAMPLED, '01'), ask);
    expect(handshake.traceId).not.toBe(SAMPLED);
    expect(message.traceId).toBe(UNSAMPLED);
    socket.disconnect();
    spans.reset();
  });
});
