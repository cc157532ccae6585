import { once } from 'node:events';
import { promisify } from 'node:util';
import {
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { type SqlOptions, traceClient, tracePool } from '@throughline/sql/pg';
import type { SpanCollector } from '@throughline/testing';
import pg from 'pg';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { POSTGRES, type Postgres, startPostgres } from './postgres.ts';
import { durations, meterProvider, startSdk, stopSdk } from './sdk.ts';

const SKIPPED = POSTGRES === undefined ? ' [skipped: there is no PostgreSQL in /usr/lib/postgresql]' : '';
const OWN_TEXT = 'SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()';
const SAMPLED = { application: 'shop' };

let postgres: Postgres;
let spans: SpanCollector;
let pools: { end(): Promise<void> }[];

/** A pool of one connection, so that its socket belongs to the first query. */
function poolOf(options?: SqlOptions, config?: pg.PoolConfig) {
  const pool = new pg.Pool({ ...postgres.config, max: 1, ...config });
  pools.push(pool);
  return tracePool(pool, options);
}

async function clientOf(options?: SqlOptions) {
  const client = new pg.Client(postgres.config);
  pools.push(client);
  await client.connect();
  return traceClient(client, options);
}

/** Runs `fn` in a span of the application, and returns the span and what `fn` returned. */
async function inCaller<T>(
  fn: () => Promise<T> | T,
  name = 'caller',
): Promise<{ span: Span; result: Awaited<T> }> {
  const span = trace.getTracer('application').startSpan(name);
  try {
    return { span, result: await runInContext(trace.setSpan(context.active(), span), fn) };
  } finally {
    span.end();
    await spans.take((ended) => ended.name === name);
  }
}

const idOf = (span: Pick<Span, 'spanContext'>) => span.spanContext().spanId;
const activeId = (active: Context = activeContext()) => trace.getSpanContext(active)?.spanId;
const textOf = ({ rows: [row] }: { rows: { query: string }[] }) => row?.query;

describe.skipIf(POSTGRES === undefined)(`pg, on a real server${SKIPPED}`, () => {
  beforeAll(async () => {
    postgres = await startPostgres(POSTGRES as string);
    const client = new pg.Client(postgres.config);
    await client.connect();
    await client.query(
      `CREATE TABLE stock (sku text PRIMARY KEY, count integer); INSERT INTO stock VALUES ('A-1', 7)`,
    );
    await client.end();
  }, 60_000);
  afterAll(() => postgres.stop());
  beforeEach(() => {
    spans = startSdk();
    pools = [];
  });
  afterEach(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    stopSdk();
    spans.assertClean();
  });

  test('one CLIENT span for each query, below what is active, by the conventions', async () => {
    const pool = poolOf();
    const { span, result } = await inCaller(() =>
      pool.query('SELECT count FROM stock WHERE sku = $1', ['A-1']),
    );
    expect(result.rows).toEqual([{ count: 7 }]);
    const query = await spans.take();
    expect(query).toMatchObject({
      name: 'SELECT stock',
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
    });
    expect(query.parentSpanContext?.spanId).toBe(idOf(span));
    expect(query.attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.namespace': 'postgres',
      'db.query.summary': 'SELECT stock',
      'db.operation.name': 'SELECT',
      'db.collection.name': 'stock',
      'server.address': '127.0.0.1',
      'server.port': postgres.config.port,
    });
  });

  test('a query that fails: its state, and no value from its message', async () => {
    const client = await clientOf({ meterProvider });
    await expect(client.query('SELECT count FROM stock WHERE count = $1', ['se"cr"et'])).rejects.toThrow(
      'se"cr"et',
    );
    const query = await spans.take();
    expect(query.status.code).toBe(SpanStatusCode.ERROR);
    expect(query.attributes).toMatchObject({ 'db.response.status_code': '22P02', 'error.type': '22P02' });
    expect(JSON.stringify(query.events)).toContain('invalid input syntax for type integer');
    expect(JSON.stringify([query.events, query.attributes])).not.toContain('cr');
    expect(await durations()).toContainEqual({
      attributes: expect.objectContaining({ 'db.query.summary': 'SELECT stock', 'error.type': '22P02' }),
      count: 1,
    });
  });

  test('a server that is not there: the error of the connection, and no span of a query', async () => {
    const pool = poolOf({}, { port: 1 });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(promisify(pool.connect.bind(pool) as never)()).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  test('a connection that is lost ends its query', async () => {
    const pool = poolOf();
    pool.on('error', () => {});
    await expect(pool.query('SELECT pg_terminate_backend(pg_backend_pid())')).rejects.toThrow();
    expect((await spans.take()).attributes['error.type']).toBe('57P01');
  });

  test('db.query.text only where it is asked for, without literals', async () => {
    const client = await clientOf({ queryText: true });
    await client.query(`SELECT count FROM stock WHERE sku = 'secret' AND count > $1`, [5]);
    expect((await spans.take()).attributes['db.query.text']).toBe(
      'SELECT count FROM stock WHERE sku = ? AND count > $1',
    );
  });

  test('each form of call returns and calls back as pg does, in the context of the caller', async () => {
    const pool = poolOf();
    const client = await clientOf();
    const sql = 'SELECT 1 AS one';
    // The connection is made outside of the callers below.
    await pool.query(sql);
    type Done = (error: unknown, result: { rows: unknown[] }) => void;
    const forms: ((done: Done) => unknown)[] = [
      (done) => pool.query(sql, done),
      (done) => pool.query(sql, [], done),
      (done) => pool.query({ text: sql }, done),
      (done) => client.query(sql, done),
      (done) => client.query(sql, [], done),
      (done) => client.query({ text: sql, values: [] }, done),
      (done) => client.query({ text: sql, callback: done } as never),
      (done) => client.query(new pg.Query(sql) as never, done as never),
      (done) =>
        pool.connect((_, one, release) =>
          one?.query(sql, (error, result) => {
            release();
            done(error, result);
          }),
        ),
      (done) => pool.query(sql).then((result) => done(null, result)),
      (done) => client.query({ text: sql }).then((result) => done(null, result)),
    ];
    for (const form of forms) {
      const { span, result } = await inCaller(
        () =>
          new Promise<unknown>((resolve) =>
            form((error, { rows }) => resolve({ error: error ?? null, rows, active: activeId() })),
          ),
      );
      expect(result, String(form)).toEqual({ error: null, rows: [{ one: 1 }], active: idOf(span) });
      expect(
        (await spans.takeMany(1, ({ parentSpanContext }) => parentSpanContext?.spanId === idOf(span))).length,
      ).toBe(1);
    }
    await spans.take(({ parentSpanContext }) => parentSpanContext === undefined);
  });

  test('two callers that wait for one connection keep their contexts', async () => {
    const pool = poolOf();
    const ask = (name: string) =>
      inCaller(async () => {
        const before = activeId();
        await pool.query('SELECT pg_sleep(0.01)');
        return [before, activeId()];
      }, name);
    const callers = await Promise.all(['a', 'b', 'c'].map(ask));
    for (const { span, result } of callers) {
      expect(result).toEqual([idOf(span), idOf(span)]);
      await spans.take(({ parentSpanContext }) => parentSpanContext?.spanId === idOf(span));
    }
  });

  test('the statements of a transaction have one parent', async () => {
    const pool = poolOf();
    const { span } = await inCaller(async () => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query('UPDATE stock SET count = count - 1');
      await client.query('ROLLBACK');
      client.release();
    });
    const queries = await spans.takeMany(3);
    expect(queries.map(({ name }) => name)).toEqual(['BEGIN', 'UPDATE stock', 'ROLLBACK']);
    expect(new Set(queries.map(({ parentSpanContext }) => parentSpanContext?.spanId))).toEqual(
      new Set([idOf(span)]),
    );
  });

  test('a cursor is one query, from its first row to its close, with the comment', async () => {
    const client = await clientOf({ comment: 'service', labels: SAMPLED });
    const cursor = new Cursor<{ query: string }>(`${OWN_TEXT} UNION ALL SELECT 'another'`);
    const { span, result } = await inCaller(async () => {
      expect(client.query(cursor)).toBe(cursor);
      const [row] = await cursor.read(1);
      expect(spans.open().map(({ name }) => name)).toContain('SELECT pg_stat_activity SELECT');
      await cursor.close();
      return [row?.query, activeId()];
    });
    expect(result).toEqual([`${OWN_TEXT} UNION ALL SELECT 'another' /*application='shop'*/`, idOf(span)]);
    expect((await spans.take()).parentSpanContext?.spanId).toBe(idOf(span));
    const wrong = new Cursor('SELECT * FROM nowhere');
    client.query(wrong);
    await expect(wrong.read(1)).rejects.toThrow('nowhere');
    expect((await spans.take()).attributes['error.type']).toBe('42P01');
  });

  test('a stream is one query, with the comment, and its rows are all there', async () => {
    const client = await clientOf({ comment: 'service', labels: SAMPLED });
    const stream = client.query(
      new QueryStream(`${OWN_TEXT} UNION ALL SELECT n::text FROM generate_series(1, 250) n`),
    );
    const rows = await stream.toArray();
    expect(rows).toHaveLength(251);
    expect(rows[0].query).toContain(`/*application='shop'*/`);
    await spans.take();
  });

  test('events are emitted in the context of the query', async () => {
    const client = await clientOf();
    const { span, result } = await inCaller(async () => {
      const query = client.query(new pg.Query('SELECT 1 AS one'));
      const seen: unknown[] = [];
      query.on('row', () => seen.push(activeId()));
      query.on('end', () => seen.push(activeId()));
      await once(query, 'end');
      return seen;
    });
    expect(result).toEqual([idOf(span), idOf(span)]);
    await spans.take();
  });

  describe('the comment, as the server shows it', () => {
    test('is not there by default', async () => {
      const client = await clientOf({ labels: SAMPLED });
      expect(textOf(await client.query(OWN_TEXT))).toBe(OWN_TEXT);
      await spans.take();
    });

    test('names the span of the query, in the activity and in the log', async () => {
      const pool = poolOf({ comment: 'traceparent', labels: () => ({ route: '/orders/:id' }) });
      const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
      const { result } = await inCaller(() =>
        runInContext(propagation.setBaggage(context.active(), baggage), () => pool.query(`${OWN_TEXT};`)),
      );
      const { traceId, spanId } = (await spans.take()).spanContext();
      const comment = `/*route='%2Forders%2F%3Aid',traceparent='00-${traceId}-${spanId}-01'*/`;
      expect(textOf(result)).toBe(`${OWN_TEXT} ${comment};`);
      await expect.poll(() => postgres.log()).toContain(`${OWN_TEXT} ${comment};`);
    });

    test('is there with parameters, and not in a named statement, which stays prepared', async () => {
      const client = await clientOf({ comment: 'traceparent', labels: SAMPLED });
      const { rows } = await client.query(`${OWN_TEXT} AND 1 = $1`, [1]);
      expect(rows[0].query).toMatch(/ \/\*application='shop',traceparent='00-[-0-9a-f]+'\*\/$/);
      const config = { name: 'own', text: OWN_TEXT, values: [] };
      for (const _ of [1, 2])
        expect(textOf(await client.query(config))).toBe(`${OWN_TEXT} /*application='shop'*/`);
      expect(config.text).toBe(OWN_TEXT);
      const prepared = await client.query(
        `SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name = 'own'`,
      );
      expect(prepared.rows).toEqual([{ n: 1 }]);
      await spans.takeMany(4);
    });

    test('does not name a trace that is not sampled, or none', async () => {
      stopSdk();
      spans = startSdk();
      trace.disable();
      const client = await clientOf({ comment: 'traceparent', labels: SAMPLED });
      const unsampled = {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        traceFlags: 0,
      };
      for (const active of [context.active(), trace.setSpanContext(context.active(), unsampled)])
        expect(textOf(await runInContext(active, () => client.query(OWN_TEXT)))).toBe(
          `${OWN_TEXT} /*application='shop'*/`,
        );
    });

    test('labels that throw cost the comment, not the query', async () => {
      const labels = () => {
        throw new Error('no labels');
      };
      const client = await clientOf({ comment: 'service', labels });
      expect(textOf(await client.query(OWN_TEXT))).toBe(OWN_TEXT);
      await spans.take();
    });
  });

  test('what pg refuses, it refuses by itself', async () => {
    const client = await clientOf();
    expect(() => client.query(null as never)).toThrow(TypeError);
    await expect(client.query({ text: undefined } as never)).rejects.toThrow();
  });

  test('the original client, wrapped twice or not, is left as it is', async () => {
    const original = new pg.Client(postgres.config);
    const { query } = original;
    const client = traceClient(original);
    expect(traceClient(client)).toBe(client);
    expect(client).toBeInstanceOf(pg.Client);
    expect(original.query).toBe(query);
  });
});

test.each([
  [{ comment: 'all' }, `options.comment must be 'off', 'service' or 'traceparent', got string 'all'`],
  [{ labels: { a: 1 } }, 'options.labels must be an object of texts, or a function, got object'],
  [{ query: true }, 'options.query does not exist'],
])('refuses %j', (options, message) => {
  expect(() => traceClient(new pg.Client(), options as never)).toThrow(
    `[throughline/sql] traceClient(): ${message}`,
  );
  expect(() => tracePool(new pg.Pool(), options as never)).toThrow(
    `[throughline/sql] tracePool(): ${message}`,
  );
});
