import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { SpanKind } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { Operation, Scope } from '@throughline/core/seam';

const tracer = new Scope('sql', 'tracedAll()').tracer(undefined);

/** Returns the rows of a query, asked for in one CLIENT span. */
export function tracedAll(database: DatabaseSync, sql: string, ...values: SQLInputValue[]) {
  const [operation = 'query'] = sql.trim().split(/\s/, 1);
  const attributes = { 'db.system.name': 'sqlite', 'db.operation.name': operation };
  const start = { tracer: tracer(), name: operation, kind: SpanKind.CLIENT, attributes };
  return new Operation(activeContext(), start).follow(() => database.prepare(sql).all(...values));
}
