/**
 * Calls `fn`, and calls one of the listeners when what `fn` returns has settled. The listeners must not throw.
 *
 * Returns what `fn` does. In place of a promise it returns a derived one that settles alike: a handler attached to the
 * original would mark its rejection as handled.
 */
export function follow<T>(
  fn: () => T,
  onValue: (value: Awaited<T>) => void,
  onError: (error: unknown) => void,
): T {
  let result: T;
  try {
    result = fn();
  } catch (error) {
    onError(error);
    throw error;
  }
  if (!isThenable(result)) {
    onValue(result as Awaited<T>);
    return result;
  }
  return promiseOf(result).then(
    (value) => {
      onValue(value as Awaited<T>);
      return value;
    },
    (error: unknown) => {
      onError(error);
      throw error;
    },
  ) as T;
}

/** Whether `await` would wait for the value. A member that throws when read is left for the caller to find. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/** Returns a promise: the `then` of any other thenable may return nothing, and may call back more than once. */
function promiseOf(thenable: PromiseLike<unknown>): PromiseLike<unknown> {
  const { catch: caught } = thenable as { catch?: unknown };
  return typeof caught === 'function' ? thenable : Promise.resolve(thenable);
}
