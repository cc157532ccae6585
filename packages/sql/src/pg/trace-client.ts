import { Scope } from '@throughline/core/seam';
import { wrapClient } from '@throughline/messaging/wrapping';
import { createQueryTracer } from '../query/query-tracer.ts';
import type { SqlOptions } from '../query/sql-options.ts';
import type { PgClient } from './pg-client.ts';
import { tracedQuery } from './traced-query.ts';

/**
 * Returns a client of pg whose queries are traced: one CLIENT span each, and a comment if the options say so. The original
 * is not changed. Callbacks and events run in the context in which the query was made.
 *
 * @throws TypeError for a wrong option.
 * @example
 * const client = traceClient(new Client());
 * await client.connect();
 * await client.query('SELECT count FROM stock WHERE sku = $1', ['A-1']);
 */
export function traceClient<C extends PgClient>(client: C, options: SqlOptions = {}): C {
  const tracer = createQueryTracer('postgresql', options, new Scope('sql', 'traceClient()'));
  return wrapClient(client, { query: (...args) => tracedQuery(client, tracer, args) });
}
