import { once } from 'node:events';
import { createServer, type Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import websocket from '@fastify/websocket';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { traceContext } from '@throughline/express';
import { tracePlugin } from '@throughline/fastify';
import { traceListener } from '@throughline/http';
import { createSpanCollector } from '@throughline/testing';
import express from 'express';
import { fastify } from 'fastify';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { sdk3 } from './sdk3.ts';

const require = createRequire(import.meta.url);
const spans = createSpanCollector();
beforeAll(() => {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());
afterAll(() => {
  for (const api of [context, propagation, trace]) api.disable();
});

/** What a service does that has WebSockets beside its routes; each echoes at `/chat`. */
const SERVICES: Record<string, () => Promise<Server> | Server> = {
  async '@fastify/websocket'() {
    const app = fastify();
    await app.register(tracePlugin);
    await app.register(websocket);
    app.get('/chat', { websocket: true }, (socket) => {
      socket.on('message', (message) => socket.send(String(message)));
    });
    await app.ready();
    return app.server;
  },
  'express-ws'() {
    const app = express();
    const server = createServer(app);
    const { app: both } = require('express-ws')(app, server);
    app.use(traceContext());
    both.ws('/chat', (socket: WebSocket) => {
      socket.on('message', (message) => socket.send(String(message)));
    });
    return server;
  },
  'ws below a traced listener'() {
    const sockets = new WebSocketServer({ noServer: true });
    const listener = traceListener((req) => {
      sockets.handleUpgrade(req, req.socket, Buffer.alloc(0), (socket) => {
        socket.on('message', (message) => socket.send(String(message)));
      });
    });
    return createServer(listener).on('upgrade', (req) => listener(req, new ServerResponse(req)));
  },
};

test.each(Object.entries(SERVICES))(
  '%s: the span of a WebSocket ends with the switch, and is no error',
  async (_, serve) => {
    const server = await serve();
    if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    await once(socket, 'open');
    socket.send('hello');
    const [echo] = await once(socket, 'message');
    expect(String(echo)).toBe('hello');

    // The connection is open still.
    const span = await spans.take(({ kind }) => kind === SpanKind.SERVER);
    expect(span.attributes['http.response.status_code']).toBe(101);
    expect(span.attributes).not.toHaveProperty('error.type');

    const closed = once(socket, 'close');
    socket.close();
    await closed;
    server.close();
  },
);
