import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { assertConnectedTrace, createSpanCollector } from '@throughline/testing';
import { graphqlCodec } from '@throughline/websocket/graphql-ws';
import { traceWebSocket, traceWebSocketServer } from '@throughline/websocket/ws';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

// The copy that graphql-ws loads: vitest would load graphql's other one, and a schema belongs to its copy.
const { GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString } = createRequire(import.meta.url)(
  'graphql',
) as typeof import('graphql');

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

const messages = { codec: graphqlCodec };
const traceId = () => trace.getActiveSpan()?.spanContext().traceId;
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      trace: { type: GraphQLString, resolve: () => new Promise((done) => setImmediate(done)).then(traceId) },
    },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      count: {
        type: GraphQLInt,
        async *subscribe() {
          for (let count = 1; count <= 3; count++) {
            await new Promise((done) => setImmediate(done));
            yield { count };
          }
          trace.getTracer('application').startSpan('source').end();
        },
      },
    },
  }),
});

it('runs operations of graphql-ws in the trace of the client, a subscription until its last event', async () => {
  const Server = traceWebSocketServer(WebSocketServer, { messages, selfCheck: 'off' });
  const server = new Server({ port: 0, host: '127.0.0.1' });
  const extensions: unknown[] = [];
  useServer(
    {
      schema,
      onSubscribe(_, __, payload) {
        extensions.push(payload.extensions);
      },
    },
    server,
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: traceWebSocket(WebSocket, { messages }),
    lazy: false,
  });
  // The handshake, whose caller is the code that made the client.
  await spans.take(({ kind }) => kind === SpanKind.SERVER);
  await spans.take(({ kind }) => kind === SpanKind.CLIENT);

  const caller = trace.getTracer('application').startSpan('caller');
  const results = await context.with(trace.setSpan(context.active(), caller), async () => {
    const found: unknown[] = [];
    for await (const { data } of client.iterate({ query: '{ trace }', extensions: { own: 1 } }))
      found.push(data);
    for await (const { data } of client.iterate({ query: 'subscription { count }' })) found.push(data);
    return found;
  });
  caller.end();
  expect(results).toEqual([
    { trace: caller.spanContext().traceId },
    { count: 1 },
    { count: 2 },
    { count: 3 },
  ]);
  expect(extensions[0]).toMatchObject({ own: 1, traceparent: expect.any(String) });
  await client.dispose();
  await new Promise((resolve) => server.close(resolve));

  const taken = await spans.takeMany(6);
  assertConnectedTrace(taken);
  const source = taken.find(({ name }) => name === 'source');
  const parent = taken.find((span) => span.spanContext().spanId === source?.parentSpanContext?.spanId);
  expect(parent?.name).toBe('process /graphql');
  expect(taken.map(({ kind }) => kind).filter((kind) => kind === SpanKind.CONSUMER)).toHaveLength(2);
});
