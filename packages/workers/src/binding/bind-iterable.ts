import type { Context } from '@opentelemetry/api';
import { activeContext, runInContext } from '@throughline/core';
import { withMembers } from '@throughline/core/seam';

type Iterating = Iterable<unknown> | AsyncIterable<unknown> | Iterator<unknown> | AsyncIterator<unknown>;
type Method = (...args: unknown[]) => unknown;

const STEPS = ['next', 'return', 'throw', Symbol.dispose, Symbol.asyncDispose];
const STARTS = [Symbol.iterator, Symbol.asyncIterator];

/**
 * Returns an iterable or a generator like the given one, whose code runs in the context that is active now.
 *
 * The body of a generator runs in the context of the code that asks for the next value: a response that is written when its socket
 * is ready, another request. The original is not changed. The consumer's own context stays as it is.
 *
 * @example
 * Readable.from(bindIterable(rows())).pipe(res);
 */
export function bindIterable<T extends Iterating>(iterable: T): T {
  return boundTo(activeContext(), iterable);
}

function boundTo<T extends object>(bound: Context, original: T): T {
  const methods = original as Record<PropertyKey, Method | undefined>;
  const members: Record<PropertyKey, Method> = {};
  const call = (method: Method, args: unknown[]) =>
    runInContext(bound, () => Reflect.apply(method, original, args));
  for (const name of STEPS) {
    const method = methods[name];
    if (typeof method === 'function') members[name] = (...args) => call(method, args);
  }
  for (const name of STARTS) {
    const method = methods[name];
    if (typeof method !== 'function') continue;
    members[name] = () => {
      const iterator = call(method, []);
      return iterator === original ? view : boundTo(bound, iterator as object);
    };
  }
  const view = withMembers(original, members);
  return view;
}
