/** How a stream ended. */
export interface StreamEnd {
  /** Whether its reader left before the end. */
  readonly stopped: boolean;
  /** What it failed with. Absent: it did not fail. */
  readonly error?: unknown;
}

/**
 * Returns a stream like the original, each step of which runs by `run`.
 *
 * @param onEnd Called once, when the stream is over.
 */
export function tracedStream<T>(
  original: AsyncIterable<T>,
  run: <R>(step: () => R) => R,
  onEnd: (end: StreamEnd) => void,
): AsyncIterable<T> {
  let ended = false;
  const end = (how: StreamEnd) => {
    if (!ended) onEnd(how);
    ended = true;
  };
  /** Takes one step, and looks at how it went. */
  async function take(step: () => Promise<IteratorResult<T>>, stopped: boolean): Promise<IteratorResult<T>> {
    try {
      const result = await run(step);
      if (result.done === true) end({ stopped });
      return result;
    } catch (error) {
      end({ stopped: false, error });
      throw error;
    }
  }
  return {
    [Symbol.asyncIterator]() {
      const iterator = run(() => original[Symbol.asyncIterator]());
      const { return: stop, throw: fail } = iterator;
      return {
        next: (...sent) => take(() => iterator.next(...sent), false),
        ...(stop && { return: (value) => take(() => stop.call(iterator, value), true) }),
        ...(fail && { throw: (error) => take(() => fail.call(iterator, error), true) }),
      };
    },
  };
}
