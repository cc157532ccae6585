import type { Attributes } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { semconv, withMembers } from '@throughline/core/seam';
import { ATTR_DB_NAMESPACE } from '../query/database-conventions.ts';
import type { QueryTracer } from '../query/query-tracer.ts';
import type { PgClient, Submittable } from './pg-client.ts';
import { submittedView } from './submitted-view.ts';

type Callback = (error: unknown, result: unknown) => unknown;

/** Calls `query` of a client with these arguments, in a span, and returns what it returns. */
export function tracedQuery(client: PgClient, tracer: QueryTracer, args: readonly unknown[]): unknown {
  const [config, ...rest] = args;
  const send = (given: readonly unknown[]) => client.query(...(given as never[]));
  const {
    cursor,
    text = cursor?.text,
    name,
    callback,
  } = (typeof config === 'string' ? { text: config } : Object(config)) as {
    cursor?: { text?: unknown };
    text?: unknown;
    name?: unknown;
    callback?: unknown;
  };
  // What pg refuses, it refuses by itself.
  if (typeof text !== 'string') return send(args);
  const started = tracer({ text, named: Boolean(name), target: targetOf(client) });
  if (isSubmittable(config)) {
    const view = submittedView(config, started);
    const given = rest.map((arg) => (typeof arg === 'function' ? inContext(arg as Callback) : arg));
    const result = started.run(() => send([view, ...given]));
    return result === view ? config : result;
  }
  const ending = (own: Callback): Callback => {
    const call = inContext(own);
    return function (this: unknown, error, result) {
      started.end(error);
      return Reflect.apply(call, this, [error, result]);
    };
  };
  const at = rest.findLastIndex((arg) => typeof arg === 'function');
  const inConfig = at < 0 && typeof callback === 'function';
  const members = {
    ...(started.text !== text && { text: started.text }),
    ...(inConfig && { callback: ending(callback as Callback) }),
  };
  const given =
    typeof config === 'string'
      ? started.text
      : Object.keys(members).length > 0
        ? withMembers(config as object, members)
        : config;
  if (inConfig) return started.run(() => send([given, ...rest]));
  if (at < 0) return started.follow(() => send([given, ...rest]));
  const others = rest.map((arg, index) => (index === at ? ending(arg as Callback) : arg));
  return started.run(() => send([given, ...others]));
}

const isSubmittable = (config: unknown): config is Submittable =>
  typeof (config as Partial<Submittable>).submit === 'function';

/** A callback that runs in the context in which the query was made: the socket's is that of another request. */
function inContext(callback: Callback): Callback {
  const caller = activeContext();
  return function (this: unknown, error, result) {
    return runInContext(caller, () => Reflect.apply(callback, this, [error, result]));
  };
}

function targetOf({ host, port, database }: PgClient): Attributes {
  return {
    [ATTR_DB_NAMESPACE]: database,
    [semconv.ATTR_SERVER_ADDRESS]: host,
    [semconv.ATTR_SERVER_PORT]: port,
  };
}
