// The other process: a server of ws and one of Socket.IO, which answer with what was active when a message was handled.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { baggageFields } from '@throughline/core';
import { jsonCodec } from '@throughline/websocket';
import { traceServer } from '@throughline/websocket/socket.io';
import { traceWebSocketServer } from '@throughline/websocket/ws';
import { Server, type Socket } from 'socket.io';
import { type WebSocket, WebSocketServer } from 'ws';
import { sdk3 } from '../../../../test/conformance/sdk3.ts';

if (process.env.SDK !== 'off') {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [] }));
}

/** What is active after some turns of the event loop. */
async function active() {
  await new Promise((next) => setImmediate(next));
  const span = trace.getSpan(context.active())?.spanContext();
  return {
    traceId: span?.traceId,
    spanId: span?.spanId,
    sampled: span?.traceFlags,
    tenant: baggageFields(['tenant'])['baggage.tenant'],
  };
}

const shared = { selfCheck: 'off', baggageTo: 'all' } as const;
const TracedServer = traceWebSocketServer(WebSocketServer, { ...shared, messages: { codec: jsonCodec } });
const sockets = new TracedServer({ port: 0, host: '127.0.0.1' });
sockets.on('connection', (socket: WebSocket) => {
  const opened = active();
  socket.on('message', async () => {
    socket.send(JSON.stringify({ handshake: await opened, message: await active() }));
  });
});

const http = createServer();
const io = traceServer(new Server(http), { ...shared, messages: { carry: true } });
io.on('connection', (socket: Socket) => {
  const opened = active();
  socket.on('ask', async (question: unknown, done: (answer: object) => void) => {
    done({ question, handshake: await opened, message: await active() });
  });
  socket.on('tell', async (bytes: Buffer) => {
    await socket.join('listeners');
    io.to('listeners').emit('told', bytes, await active());
  });
  socket.on('drop', () => socket.conn.close());
});

await Promise.all([once(sockets, 'listening'), once(http.listen(0, '127.0.0.1'), 'listening')]);
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
process.send?.({ ws: portOf(sockets), io: portOf(http) });
process.on('disconnect', () => process.exit());
