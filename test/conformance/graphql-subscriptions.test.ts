import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { context, propagation, type Span, SpanKind, trace } from '@opentelemetry/api';
import { tracePlugin } from '@throughline/fastify';
import { tracedFetch } from '@throughline/fetch';
import { traceGraphql } from '@throughline/graphql/envelop';
import { traceExecution } from '@throughline/graphql/execution';
import { traceGraphql as traceMercurius } from '@throughline/graphql/mercurius';
import { assertConnectedTrace, createSpanCollector } from '@throughline/testing';
import { graphqlCodec } from '@throughline/websocket/graphql-ws';
import { traceWebSocket, traceWebSocketServer } from '@throughline/websocket/ws';
import fastify from 'fastify';
import type { ExecutionArgs } from 'graphql';
import { type Client, createClient, type ServerOptions } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { mercurius } from 'mercurius';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { sdk3 } from './sdk3.ts';

// The copy that graphql-yoga and graphql-ws load; a bundler of tests may prefer another.
const { execute, subscribe } = createRequire(import.meta.url)('graphql') as typeof import('graphql');

const spans = createSpanCollector();
const messages = { codec: graphqlCodec };
let stock: Server;

beforeAll(async () => {
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  stock = createServer((_req, res) => res.end('3')).listen(0, '127.0.0.1');
  await once(stock, 'listening');
});
afterEach(() => spans.assertClean());
afterAll(() => {
  stock.close();
  for (const api of [context, propagation, trace]) api.disable();
});

const source = {
  typeDefs: 'type Query { left: Int } type Subscription { left(times: Int!): Int ticks: Int }',
  resolvers: {
    Subscription: {
      left: {
        async *subscribe(_: unknown, { times }: { times: number }) {
          const url = `http://127.0.0.1:${(stock.address() as AddressInfo).port}/`;
          for (let time = 1; time <= times; time++)
            yield { left: Number(await (await tracedFetch(url)).text()) };
        },
      },
      ticks: {
        async *subscribe() {
          for (let ticks = 1; ; ticks++) {
            await new Promise((done) => setImmediate(done));
            yield { ticks };
          }
        },
      },
    },
  },
};
const schema = createSchema(source);

/** As in the documentation of graphql-yoga: its plugins make the functions for each operation. */
function yogaOptions(): ServerOptions {
  const yoga = createYoga({ schema, logging: false, plugins: [traceGraphql()] });
  type Enveloped = ReturnType<typeof yoga.getEnveloped>;
  const enveloped = (args: ExecutionArgs) => args.rootValue as Enveloped;
  return {
    execute: (args) => enveloped(args).execute(args),
    subscribe: (args) => enveloped(args).subscribe(args),
    async onSubscribe(_context, _id, { query, variables, operationName }) {
      const functions = yoga.getEnveloped({ params: { query, variables, operationName } });
      const document = functions.parse(query);
      const errors = functions.validate(functions.schema, document);
      if (errors.length > 0) return errors;
      return {
        schema: functions.schema,
        document,
        operationName,
        variableValues: variables,
        contextValue: await functions.contextFactory(),
        rootValue: functions,
      };
    },
  };
}

function asCaller<T>(work: (caller: Span) => Promise<T>): Promise<T> {
  const caller = trace.getTracer('application').startSpan('caller');
  return context
    .with(trace.setSpan(context.active(), caller), () => work(caller))
    .finally(() => caller.end());
}

describe.each([
  ['graphql-yoga', yogaOptions],
  [
    'the functions of graphql',
    () => ({ schema, ...traceExecution({ execute, subscribe }) }) as ServerOptions,
  ],
])('operations of graphql-ws by %s', (_name, options) => {
  let server: WebSocketServer;
  let client: Client;

  beforeEach(async () => {
    const Traced = traceWebSocketServer(WebSocketServer, { messages, selfCheck: 'off' });
    server = new Traced({ port: 0, host: '127.0.0.1' });
    useServer(options(), server);
    await once(server, 'listening');
    client = createClient({
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
      webSocketImpl: traceWebSocket(WebSocket, { messages }),
      lazy: false,
    });
    // The handshake, whose caller is the code that made the client.
    await spans.take(({ kind }) => kind === SpanKind.SERVER);
    await spans.take(({ kind }) => kind === SpanKind.CLIENT);
  });
  afterEach(async () => {
    await client.dispose();
    await new Promise((closed) => server.close(closed));
  });

  /** Subscribes in a trace of its own, and returns the trace's id and the events. */
  function subscribeTo(query: string) {
    return asCaller(async (caller) => {
      const events: unknown[] = [];
      for await (const { data, errors } of client.iterate({ query })) events.push(data ?? errors);
      return { traceId: caller.spanContext().traceId, events };
    });
  }

  it('connects a caller, the message, the operation and the calls of its source', async () => {
    const { events } = await subscribeTo('subscription { left(times: 2) }');
    expect(events).toEqual([{ left: 3 }, { left: 3 }]);
    const taken = await spans.takeMany(6);
    assertConnectedTrace(taken);
    const above = (span: (typeof taken)[number]): string[] => {
      const parent = taken.find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId);
      return parent === undefined ? [] : [...above(parent), parent.name];
    };
    const calls = taken.filter(({ kind }) => kind === SpanKind.CLIENT);
    const path = ['caller', 'send /graphql', 'process /graphql', 'subscription'];
    expect(calls.map(above)).toEqual([path, path]);
  });

  it('keeps the subscriptions of two callers on one socket apart', async () => {
    const found = await Promise.all([1, 2].map(() => subscribeTo('subscription { left(times: 3) }')));
    const taken = await spans.takeMany(14);
    for (const { traceId } of found) {
      const own = taken.filter((span) => span.spanContext().traceId === traceId);
      expect(own).toHaveLength(7);
      assertConnectedTrace(own);
    }
  });

  it('ends the spans of message and operation when the client leaves the subscription', async () => {
    await asCaller(async () => {
      for await (const _event of client.iterate({ query: 'subscription { ticks }' })) break;
    });
    const operation = await spans.take(({ name }) => name === 'subscription');
    const message = await spans.take(({ name }) => name === 'process /graphql');
    expect(operation.parentSpanContext?.spanId).toBe(message.spanContext().spanId);
    await spans.take(({ name }) => name === 'caller');
    await spans.take(({ name }) => name === 'send /graphql');
  });
});

it('has operations of mercurius, which makes its own server of sockets, in the trace of the handshake', async () => {
  const app = fastify({ forceCloseConnections: true });
  await app.register(tracePlugin, { selfCheck: 'off' });
  await app.register(traceMercurius());
  const { typeDefs, resolvers } = source;
  await app.register(mercurius, { schema: typeDefs, resolvers: resolvers as never, subscription: true });
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/graphql`;
  const client = createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: traceWebSocket(WebSocket, { messages }),
    lazy: false,
  });
  const handshake = await spans.take(({ kind }) => kind === SpanKind.SERVER);
  await spans.take(({ kind }) => kind === SpanKind.CLIENT);

  const events: unknown[] = [];
  await asCaller(async () => {
    for await (const { data } of client.iterate({ query: 'subscription { left(times: 1) }' }))
      events.push(data);
  });
  expect(events).toEqual([{ left: 3 }]);
  const operation = await spans.take(({ name }) => name === 'subscription');
  expect(operation.parentSpanContext?.spanId).toBe(handshake.spanContext().spanId);
  const call = await spans.take(({ kind }) => kind === SpanKind.CLIENT);
  expect(call.parentSpanContext?.spanId).toBe(operation.spanContext().spanId);
  await spans.take(({ name }) => name === 'send /graphql');
  await spans.take(({ name }) => name === 'caller');
  await client.dispose();
  await app.close();
});
