import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceGraphql as traceApollo } from '@throughline/graphql/apollo';
import { traceLoader } from '@throughline/graphql/dataloader';
import { traceGraphql as traceEnvelop } from '@throughline/graphql/envelop';
import { traceExecution } from '@throughline/graphql/execution';
import { traceGraphql as traceMercurius } from '@throughline/graphql/mercurius';
import { assertErrorType, assertParent, createSpanCollector } from '@throughline/testing';
import DataLoader from 'dataloader';
import { buildSchema, execute, type GraphQLObjectType, parse } from 'graphql';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

const spans = createSpanCollector();
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
});
afterEach(() => spans.assertClean());

const activeSpanId = () => trace.getSpan(context.active())?.spanContext().spanId;

function schemaWith(resolve: () => unknown) {
  const schema = buildSchema('type Query { seen: String }');
  const { seen } = (schema.getQueryType() as GraphQLObjectType).getFields();
  Object.assign(seen as object, { resolve });
  return schema;
}

describe('traceExecution()', () => {
  test('executes in a span that ends with the answer, with and without a promise', async () => {
    for (const resolve of [activeSpanId, async () => activeSpanId()]) {
      const traced = traceExecution({ execute });
      const document = parse('query Q { seen }');
      const answer = await traced.execute({ schema: schemaWith(resolve), document });
      const span = await spans.take();
      expect(answer.data?.seen).toBe(span.spanContext().spanId);
      expect(span.name).toBe('query');
    }
  });

  test('throws what execution throws, and marks the span', async () => {
    const broken = new TypeError('no schema');
    const traced = traceExecution({
      execute: (_args: object) => {
        throw broken;
      },
    });
    expect(() => traced.execute({ document: parse('{ seen }') })).toThrow(broken);
    assertErrorType(await spans.take(), 'TypeError');
  });

  test('shows the code of an error rather than its class, if it is a code', async () => {
    for (const [code, errorType] of [
      ['NOT_FOUND', 'NOT_FOUND'],
      ['user 7 not found', 'RangeError'],
    ]) {
      const resolve = () => {
        throw Object.assign(new RangeError('x'), { extensions: { code } });
      };
      await traceExecution({ execute }).execute({ schema: schemaWith(resolve), document: parse('{ seen }') });
      assertErrorType(await spans.take(), errorType);
    }
  });

  test('executes with a frozen context value, whose resolvers have no spans then', async () => {
    const contextValue = Object.freeze({});
    const traced = traceExecution({ execute }, { resolverSpans: 9 });
    const answer = await traced.execute({
      schema: schemaWith(() => 'x'),
      document: parse('{ seen }'),
      contextValue,
    });
    expect(answer).toEqual({ data: { seen: 'x' } });
    await spans.take();
  });

  test('changes the resolvers of a schema once', async () => {
    const schema = schemaWith(() => 'x');
    for (let server = 0; server < 3; server += 1)
      await traceExecution({ execute }, { resolverSpans: 9 }).execute({
        schema,
        document: parse('{ seen }'),
        contextValue: {},
      });
    expect((await spans.takeMany(6)).filter(({ name }) => name === 'Query.seen')).toHaveLength(3);
  });

  test('ends the span of a subscription whose source fails, and throws that error', async () => {
    const gone = new RangeError('source is gone');
    const traced = traceExecution({
      subscribe: async (_args: object) =>
        (async function* () {
          yield { data: 1 };
          throw gone;
        })(),
    });
    const events = await traced.subscribe({ document: parse('subscription { ticks }') });
    const read = async () => {
      for await (const event of events) expect(event).toEqual({ data: 1 });
    };
    await expect(read()).rejects.toBe(gone);
    const span = await spans.take();
    expect(span.name).toBe('subscription');
    assertErrorType(span, 'RangeError');
  });
});

describe('traceLoader()', () => {
  const create = (loadBatch: (keys: readonly string[]) => Promise<string[]>, options = {}) =>
    traceLoader('names', loadBatch, (batch) => new DataLoader(batch, options));
  const inSpan = <T>(name: string, fn: () => Promise<T>) =>
    trace.getTracer('test').startActiveSpan(name, (span) => fn().finally(() => span.end()));

  test('makes a batch for one caller a child of that caller', async () => {
    const loader = create(async (keys) => [...keys]);
    expect(await inSpan('caller', () => loader.loadMany(['a', 'b']))).toEqual(['a', 'b']);
    const load = await spans.take(({ name }) => name === 'load names');
    assertParent(load, await spans.take());
    expect(load.links).toEqual([]);
  });

  test('starts a trace for callers that have no operation in common, and links to each', async () => {
    const loader = create(async (keys) => [...keys]);
    await Promise.all(['a', 'b'].map((key) => inSpan(`caller ${key}`, () => loader.load(key))));
    const load = await spans.take(({ name }) => name === 'load names');
    const callers = await spans.takeMany(2);
    expect(load.parentSpanContext).toBeUndefined();
    expect(load.links.map(({ context }) => context.spanId).sort()).toEqual(
      callers.map((span) => span.spanContext().spanId).sort(),
    );
  });

  test('gives each of several batches the links of its own keys', async () => {
    const loader = create(async (keys) => [...keys], { maxBatchSize: 1 });
    await Promise.all(['a', 'b'].map((key) => inSpan(`caller ${key}`, () => loader.load(key))));
    const loads = await spans.takeMany(2, ({ name }) => name === 'load names');
    const callers = await spans.takeMany(2);
    expect(loads.map((load) => load.parentSpanContext?.spanId).sort()).toEqual(
      callers.map((span) => span.spanContext().spanId).sort(),
    );
  });

  test('passes on the error of a batch, and has the members of the original', async () => {
    const gone = new RangeError('gone');
    const loader = create((): Promise<string[]> => Promise.reject(gone));
    await expect(loader.load('a')).rejects.toBe(gone);
    assertErrorType(await spans.take(), 'RangeError');
    expect(loader.prime('b', 'primed').clear('a')).toBeInstanceOf(DataLoader);
    expect(await loader.load('b')).toBe('primed');
    expect(() => loader.load(null as never)).toThrow(TypeError);
  });

  test('names mistakes', () => {
    expect(() =>
      traceLoader(
        '',
        async (): Promise<string[]> => [],
        (batch) => new DataLoader(batch),
      ),
    ).toThrow('[throughline/graphql] traceLoader(): name must be a text');
    expect(() =>
      traceLoader('x', 7 as unknown as () => Promise<string[]>, (batch) => new DataLoader(batch)),
    ).toThrow('loadBatch must be a function');
  });
});

test.each([
  ['envelop', traceEnvelop],
  ['apollo', traceApollo],
  ['mercurius', traceMercurius],
])('mistakes in the options of %s are named', (_, traceGraphql) => {
  expect(() => traceGraphql({ resolverSpans: 1.5 })).toThrow(
    '[throughline/graphql] traceGraphql(): options.resolverSpans must be a whole number, got number',
  );
  expect(() => traceGraphql({ depth: 1 } as never)).toThrow('options.depth does not exist');
});

test('mercurius before the plugin, or none at all, is named', async () => {
  const app = {
    addHook: (_name: string, hook: unknown) => hooks.push(hook),
    graphql: undefined as object | undefined,
  };
  const hooks: unknown[] = [];
  await traceMercurius()(app as never);
  await expect((hooks.at(-1) as () => Promise<void>)()).rejects.toThrow(
    'mercurius is not registered in the same place',
  );
  app.graphql = {};
  await expect(traceMercurius()(app as never)).rejects.toThrow('register it before mercurius');
});
