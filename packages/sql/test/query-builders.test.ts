import { context, trace } from '@opentelemetry/api';
import { runInContext } from '@throughline/core';
import { traceClient, tracePool } from '@throughline/sql/pg';
import type { SpanCollector } from '@throughline/testing';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
// @ts-expect-error -- has no types
import PostgresClient from 'knex/lib/dialects/postgres/index.js';
import { Kysely, PostgresDialect, sql as raw } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { POSTGRES, type Postgres, startPostgres } from './postgres.ts';
import { startSdk, stopSdk } from './sdk.ts';

const SKIPPED = POSTGRES === undefined ? ' [skipped: there is no PostgreSQL in /usr/lib/postgresql]' : '';
const OWN_TEXT = 'SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()';
const OPTIONS = { comment: 'traceparent' } as const;

let postgres: Postgres;
let spans: SpanCollector;

describe.skipIf(POSTGRES === undefined)(`query builders over pg${SKIPPED}`, () => {
  beforeAll(async () => {
    postgres = await startPostgres(POSTGRES as string);
  }, 60_000);
  afterAll(() => postgres.stop());
  beforeEach(() => {
    spans = startSdk();
  });
  afterEach(() => {
    stopSdk();
    spans.assertClean();
  });

  /** Asks twice in a transaction; what the server shows of the last statement names the last span, below the caller. */
  async function expectTraced(ask: () => Promise<string | undefined>): Promise<void> {
    const caller = trace.getTracer('application').startSpan('caller');
    const shown = await runInContext(trace.setSpan(context.active(), caller), ask);
    caller.end();
    await spans.take(({ name }) => name === 'caller');
    const queries = spans.ended();
    for (const _ of queries) await spans.take();
    const { spanId: parent, traceId } = caller.spanContext();
    const names = queries.map(({ name }) => name.toUpperCase());
    expect(names.slice(-3)).toEqual(['BEGIN', 'SELECT PG_STAT_ACTIVITY', 'COMMIT']);
    for (const query of queries.slice(-3)) expect(query.parentSpanContext?.spanId).toBe(parent);
    const { spanId } = queries.at(-2)?.spanContext() ?? {};
    expect(shown).toBe(`${OWN_TEXT} /*traceparent='00-${traceId}-${spanId}-01'*/`);
  }

  test('kysely', async () => {
    const pool = tracePool(new pg.Pool(postgres.config), OPTIONS);
    const database = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
    await expectTraced(() =>
      database.transaction().execute(async (transaction) => {
        const { rows } = await raw<{ query: string }>`${raw.raw(OWN_TEXT)}`.execute(transaction);
        return rows[0]?.query;
      }),
    );
    await database.destroy();
  });

  test('drizzle', async () => {
    const pool = tracePool(new pg.Pool(postgres.config), OPTIONS);
    const database = drizzle({ client: pool });
    await expectTraced(() =>
      database.transaction(async (transaction) => {
        const { rows } = await transaction.execute<{ query: string }>(sql.raw(OWN_TEXT));
        return rows[0]?.query;
      }),
    );
    await pool.end();
  });

  test('knex', async () => {
    const Base: typeof knex.Client = PostgresClient;
    class Traced extends Base {
      override async acquireRawConnection() {
        return traceClient(await super.acquireRawConnection(), OPTIONS);
      }
    }
    const database = knex({ client: Traced, connection: postgres.config as object });
    await expectTraced(() =>
      database.transaction(async (transaction) => {
        const { rows } = await transaction.raw(OWN_TEXT);
        return rows[0]?.query;
      }),
    );
    await database.destroy();
  });
});
