import { createRequire } from 'node:module';
import { ApolloServer } from '@apollo/server';
import { envelop, useEngine, useSchema } from '@envelop/core';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceGraphql as traceApollo } from '@throughline/graphql/apollo';
import { traceGraphql as traceEnvelop } from '@throughline/graphql/envelop';
import { traceGraphql as traceMercurius } from '@throughline/graphql/mercurius';
import { assertErrorType, createSpanCollector } from '@throughline/testing';
import fastify from 'fastify';
import { createSchema, createYoga, type Plugin } from 'graphql-yoga';
import { mercurius } from 'mercurius';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

// The copy that the servers load; a bundler of tests may prefer another.
const { execute, parse, specifiedRules, subscribe, validate } = createRequire(import.meta.url)(
  'graphql',
) as typeof import('graphql');

const spans = createSpanCollector();
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());

const typeDefs = 'type Query { seen: String }';
const resolvers = { Query: { seen: () => 'x' } };
const denied = Object.assign(new Error('denied'), { extensions: { code: 'FORBIDDEN' } });
const deny = () => {
  throw denied;
};

describe('graphql-yoga with a plugin that', () => {
  async function ask(plugin: Plugin, query = '{ seen }') {
    const schema = createSchema({ typeDefs, resolvers });
    const yoga = createYoga({ schema, logging: false, plugins: [traceEnvelop(), plugin] });
    const response = await yoga.fetch('http://localhost/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return response.json();
  }

  test('throws before the execution ends the span', async () => {
    await ask({ onExecute: deny });
    assertErrorType(await spans.take(), 'FORBIDDEN');
  });

  test('throws while the context is built makes a span of what was refused', async () => {
    await ask({ onContextBuilding: deny });
    assertErrorType(await spans.take(), 'FORBIDDEN');
  });

  test('answers in place of the execution ends the span', async () => {
    const answer = { data: { seen: 'cached' } };
    expect(await ask({ onExecute: ({ setResultAndStopExecution: stop }) => stop(answer) })).toEqual(answer);
    assertErrorType(await spans.take(), undefined);
  });
});

describe('envelop alone', () => {
  const getEnveloped = envelop({
    plugins: [
      useEngine({ execute, parse, specifiedRules, subscribe, validate }),
      useSchema(createSchema({ typeDefs, resolvers })),
      traceEnvelop(),
    ],
  });

  test('makes a span of an operation', async () => {
    const enveloped = getEnveloped({});
    const document = enveloped.parse('query Q { seen }');
    expect(enveloped.validate(enveloped.schema, document)).toEqual([]);
    const contextValue = await enveloped.contextFactory();
    const answer = await enveloped.execute({ schema: enveloped.schema, document, contextValue });
    expect(answer).toEqual({ data: { seen: 'x' } });
    expect((await spans.take()).attributes).toEqual({
      'graphql.operation.name': 'Q',
      'graphql.operation.type': 'query',
    });
  });

  test('makes a span of what it refuses', async () => {
    const enveloped = getEnveloped({});
    expect(() => enveloped.parse('{')).toThrow('Syntax Error');
    assertErrorType(await spans.take(), 'GRAPHQL_PARSE_FAILED');
    const other = getEnveloped({});
    other.validate(other.schema, other.parse('{ nothing }'));
    assertErrorType(await spans.take(), 'GRAPHQL_VALIDATION_FAILED');
  });
});

describe('Apollo Server with a plugin that', () => {
  async function ask(plugin: object) {
    const server = new ApolloServer({
      typeDefs,
      resolvers,
      plugins: [traceApollo(), { requestDidStart: async () => plugin }],
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      stopOnTerminationSignals: false,
    });
    const { body } = await server.executeOperation({ query: '{ seen }' }).finally(() => server.stop());
    return body.kind === 'single' ? body.singleResult : undefined;
  }

  test('throws before the execution ends the span', async () => {
    await expect(ask({ executionDidStart: async () => deny() })).rejects.toThrow();
    assertErrorType(await spans.take(), 'FORBIDDEN');
  });

  test('refuses the operation ends the span', async () => {
    await ask({ didResolveOperation: async () => deny() });
    assertErrorType(await spans.take(), 'FORBIDDEN');
  });

  test('answers in place of the execution ends the span', async () => {
    const singleResult = { data: { seen: 'cached' } };
    const response = { http: { headers: new Map() }, body: { kind: 'single', singleResult } };
    expect(await ask({ responseForOperation: async () => response })).toEqual(singleResult);
    assertErrorType(await spans.take(), undefined);
  });
});

describe('mercurius', () => {
  async function start() {
    const app = fastify();
    await app.register(traceMercurius());
    await app.register(mercurius, { schema: typeDefs, resolvers });
    return app;
  }

  test('with a hook that throws before the execution ends the span with the answer', async () => {
    const app = await start();
    app.graphql.addHook('preExecution', async () => deny());
    await app.ready();
    // Ours come last: they are added when the application is ready.
    const answer = await app.inject({ method: 'POST', url: '/graphql', payload: { query: '{ seen }' } });
    expect(answer.json().errors).toHaveLength(1);
    assertErrorType(await spans.take(), '_OTHER');
    await app.close();
  });

  test('traces what the application asks by itself', async () => {
    const app = await start();
    await app.ready();
    expect(await app.graphql('query Q { seen }')).toEqual({ data: { seen: 'x' } });
    expect((await spans.take()).attributes['graphql.operation.name']).toBe('Q');
    await expect(app.graphql('{')).rejects.toThrow();
    await app.close();
  });
});
