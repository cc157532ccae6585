/**
 * Calls `fn` and calls one of the listeners, which must not throw, when it has ended: once what it returns has settled.
 *
 * A promise is handed on as one that settles alike, not as it is: listened to beside its owner, its rejection would
 * count as handled.
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

/** What `await` waits for; a member that cannot be read is for the caller to find. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/** A thenable that is no promise may return nothing from `then`, and call back more than once. */
function promiseOf(thenable: PromiseLike<unknown>): PromiseLike<unknown> {
  const { catch: caught } = thenable as { catch?: unknown };
  return typeof caught === 'function' ? thenable : Promise.resolve(thenable);
}
