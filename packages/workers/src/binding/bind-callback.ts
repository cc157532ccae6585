import { activeContext, runInContext } from '@throughline/core';

/**
 * Returns a function that calls `callback` in the context that is active now, with the caller's `this` and arguments, and
 * returns or throws what it does.
 *
 * Use it where you pass on a function that other code calls later: a task of a queue, a listener, an observer. What is no
 * function is returned as it is, so an optional callback may be left out.
 *
 * @example
 * queue.add(bindCallback(() => sendMail(order)));
 */
export function bindCallback<T>(callback: T): T {
  if (typeof callback !== 'function') return callback;
  const bound = activeContext();
  function callInContext(this: unknown, ...args: unknown[]): unknown {
    return runInContext(bound, () => Reflect.apply(callback as () => unknown, this, args));
  }
  // Some libraries decide by the number of parameters whether to pass a callback.
  Object.defineProperty(callInContext, 'length', { value: callback.length, configurable: true });
  // The cast: it is called like the original.
  return callInContext as T;
}
