/**
 * Clients and pools of pg.
 *
 * @module
 */
export type { Labels, SqlOptions } from '../query/sql-options.ts';
export type { PgClient, PgPool } from './pg-client.ts';
export { traceClient } from './trace-client.ts';
export { tracePool } from './trace-pool.ts';
