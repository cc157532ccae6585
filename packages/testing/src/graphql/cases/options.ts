import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { faultCase, planted, SDK_FAULTS } from '../../kit/planted-faults.ts';
import { assertParent, assertSpan } from '../../kit/trace-assertions.ts';
import type { GraphqlCase, GraphqlWorld } from '../graphql-case.ts';
import type { GraphqlCapability, GraphqlTraceOptions } from '../graphql-conformance-options.ts';

const throwing = faultCase<GraphqlWorld, GraphqlCapability, GraphqlTraceOptions>(
  'answers as ever',
  async (world) => {
    const { text } = await world.post({ query: 'query Greet { greeting }' });
    assert.deepEqual(JSON.parse(text), { data: { greeting: 'hello you' } });
  },
  async (world) => {
    assertSpan(await world.operation(), SpanKind.SERVER, 'query');
    await world.request();
  },
);

export const graphqlOptionCases: readonly GraphqlCase[] = [
  {
    name: 'makes no span of an ignored operation, whose resolvers keep the context of the request',
    traceOptions: () => ({ ignore: ({ name }) => name === 'Quiet' }),
    async run(world) {
      const { data } = await world.ask('query Quiet { seen }');
      const request = await world.request();
      assert.equal(String(data?.seen).split(' ')[1], request.spanContext().spanId);
    },
  },
  {
    name: 'uses the tracer provider that it is given',
    traceOptions: ({ notes, parts }) => ({
      tracerProvider: {
        getTracer(name, version, options) {
          notes.push(name);
          assert.ok(parts.tracerProvider);
          return parts.tracerProvider.getTracer(name, version, options);
        },
      },
    }),
    async run(world) {
      await world.ask('{ greeting }');
      await world.operation();
      await world.request();
      assert.ok(world.notes.length > 0, 'the given provider was asked for a tracer');
    },
  },
  {
    name: 'names the span as the spanName option says, and adds what the attributes option returns',
    traceOptions: () => ({
      spanName: ({ type, name }) => `${type} ${name}`,
      attributes: ({ name }) => ({ 'app.operation': String(name) }),
    }),
    async run(world) {
      await world.ask('query Greet { greeting }');
      const operation = await world.operation();
      assertSpan(operation, SpanKind.SERVER, 'query Greet');
      assert.equal(operation.attributes['app.operation'], 'Greet');
      await world.request();
    },
  },
  {
    name: 'calls requestHook and responseHook once each with the span, which both may still write to',
    traceOptions: ({ notes }) => ({
      requestHook({ span, request }) {
        notes.push(`request ${request.name}`);
        span.setAttribute('app.request', true);
      },
      responseHook({ span, outcome }) {
        notes.push(`response ${outcome.errors}`);
        span.setAttribute('app.response', true);
      },
    }),
    async run(world) {
      await world.ask('query Both { greeting fail }');
      const { attributes } = await world.operation();
      await world.request();
      assert.deepEqual(world.notes, ['request Both', 'response 1']);
      assert.equal(attributes['app.request'], true);
      assert.equal(attributes['app.response'], true);
    },
  },
  {
    name: 'records the document and the listed variables when asked, without secrets',
    traceOptions: () => ({ captureDocument: true, captureVariables: ['name'] }),
    async run(world) {
      const query =
        'query ($name: String, $other: String) { greeting(name: $name) b: greeting(name: $other) c: greeting(name: "password=hidden-word") }';
      await world.ask(query, {
        variables: { name: 'https://me:hidden-word@example.com', other: 'unlisted' },
      });
      const { attributes } = await world.operation();
      assert.match(String(attributes['graphql.document']), /^query \(\$name: String/);
      assert.match(String(attributes['throughline.graphql.variables']), /^\{"name":".*@example\.com"\}$/);
      assert.doesNotMatch(JSON.stringify(attributes), /hidden-word|unlisted/);
      await world.request();
    },
  },
  {
    name: 'gives resolvers spans of their own, by type and field, up to the limit',
    traceOptions: () => ({ resolverSpans: 2 }),
    async run(world) {
      await world.ask('{ seen }');
      const operation = await world.operation();
      const resolver = await world.spans.take(({ kind }) => kind === SpanKind.INTERNAL);
      assertSpan(resolver, SpanKind.INTERNAL, 'Query.seen');
      assertParent(resolver, operation);
      await world.request();
      await world.ask('{ a: seen b: seen c: seen d: seen }');
      await world.operation();
      await world.request();
      await world.spans.takeMany(2, ({ name }) => name === 'Query.seen');
    },
  },
  {
    name: 'marks the span of a resolver that throws',
    traceOptions: () => ({ resolverSpans: 1 }),
    async run(world) {
      await world.ask('{ fail }');
      const resolver = await world.spans.take(({ name }) => name === 'Query.fail');
      assert.equal(resolver.attributes['error.type'], 'RangeError');
      await world.operation();
      await world.request();
    },
  },
  {
    name: 'throws a TypeError when it is set up with wrong options',
    async run(world) {
      for (const wrong of [
        { ignore: true },
        { resolverSpans: -1 },
        { captureVariables: 'all' },
        { unknown: 1 },
      ])
        await assert.rejects(async () => world.serve(wrong as never), TypeError);
    },
  },
  throwing(
    'ignore, spanName and attributes throw',
    {
      traceOptions: () => ({
        ignore: planted('ignore'),
        spanName: planted('spanName'),
        attributes: planted('attributes'),
      }),
    },
    'kept',
  ),
  throwing(
    'requestHook and responseHook throw',
    { traceOptions: () => ({ requestHook: planted('requestHook'), responseHook: planted('responseHook') }) },
    'kept',
  ),
  throwing(
    'hooks return promises that reject',
    {
      traceOptions: () => ({
        requestHook: async () => planted('async requestHook')(),
        responseHook: async () => planted('async responseHook')(),
      }),
    },
    'kept',
  ),
  ...SDK_FAULTS.map((fault) => throwing(...fault)),
];
