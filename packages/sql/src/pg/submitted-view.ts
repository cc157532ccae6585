import { activeContext, runInContext } from '@throughline/core';
import type { StartedQuery } from '../query/query-tracer.ts';
import type { Submittable } from './pg-client.ts';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Returns a view of a cursor, stream or `Query` for the client to submit, with the text to send. All else is the original's,
 * where the application reads it.
 *
 * The client reports each step of the answer to a method `handle…`, which runs in the context in which the query was made:
 * events are emitted there. The query ends with the last of them.
 */
export function submittedView<Q extends Submittable>(query: Q, started: StartedQuery): Q {
  const caller = activeContext();
  return new Proxy(query, {
    get(target, name) {
      if (name === 'text') return started.text;
      const member: unknown = Reflect.get(target, name, target);
      // A stream leaves the sending to its cursor.
      if (name === 'cursor' && isObject(member)) return withText(member, started.text);
      if (typeof member !== 'function' || typeof name !== 'string' || !name.startsWith('handle'))
        return member;
      return (...args: unknown[]) => {
        if (name === 'handleError') started.end(args[0] ?? new Error('The query failed'));
        if (name === 'handleReadyForQuery') started.end();
        return runInContext(caller, () => Reflect.apply(member as AnyFunction, target, args));
      };
    },
  });
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const withText = (cursor: object, text: string) =>
  new Proxy(cursor, {
    get: (target, name) => (name === 'text' ? text : Reflect.get(target, name, target)),
  });
