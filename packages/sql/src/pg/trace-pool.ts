import { activeContext, runInContext } from '@throughline/core';
import { Scope, viewWithMembers } from '@throughline/core/seam';
import { wrapClient } from '@throughline/messaging/wrapping';
import { createQueryTracer } from '../query/query-tracer.ts';
import type { SqlOptions } from '../query/sql-options.ts';
import type { PgClient, PgPool } from './pg-client.ts';
import { tracedQuery } from './traced-query.ts';

type Connected = (error: unknown, client?: PgClient, release?: unknown) => unknown;

/**
 * Returns a pool of pg whose clients are traced, those that `connect` returns and those that `query` uses. The original is
 * not changed. A span begins when the pool has a connection, so it does not contain the time in the queue.
 *
 * @throws TypeError for a wrong option.
 * @example
 * const pool = tracePool(new Pool(), { comment: 'traceparent', labels: { application: 'shop' } });
 * await pool.query('SELECT count FROM stock WHERE sku = $1', ['A-1']);
 */
export function tracePool<P extends PgPool>(pool: P, options: SqlOptions = {}): P {
  const tracer = createQueryTracer('postgresql', options, new Scope('sql', 'tracePool()'));
  // A view for each time, because the pool gives the client another `release` each time.
  const traced = (client: PgClient) =>
    wrapClient(client, { query: (...args) => tracedQuery(client, tracer, args) });

  function connect(callback?: unknown): unknown {
    const call = pool.connect as (callback?: Connected) => unknown;
    if (typeof callback !== 'function')
      return (Reflect.apply(call, pool, []) as Promise<PgClient>).then(traced);
    const caller = activeContext();
    const connected: Connected = (error, client, release) =>
      runInContext(caller, () => callback(error, client && traced(client), release));
    return Reflect.apply(call, pool, [connected]);
  }

  // The pool's own method, which connects by itself.
  const asking = viewWithMembers(pool, { connect });
  return wrapClient(pool, { connect, query: (...args) => Reflect.apply(pool.query, asking, args) });
}
