/** What a client of pg has that is used here. */
export interface PgClient {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  query(...args: never[]): unknown;
}

/** What a pool of pg has that is used here. */
export interface PgPool {
  query(...args: never[]): unknown;
  connect(...args: never[]): unknown;
}

/** A query that writes itself to the connection: a cursor, a stream, a `Query`. */
export interface Submittable {
  readonly text?: unknown;
  readonly name?: unknown;
  submit(connection: unknown): unknown;
}
