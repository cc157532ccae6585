/**
 * Returns a handler whose calls are run by `process`, with the `this` and the arguments of the call.
 *
 * @param process Gets the first argument, and a function that calls the handler with it or with a replacement.
 */
export function tracedHandler<M, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  process: (message: M, call: (message: M) => R) => R,
): (message: M, ...rest: Rest) => R {
  return function tracedHandler(this: unknown, message, ...rest) {
    return process(message, (given) => Reflect.apply(handler, this, [given, ...rest]));
  };
}
