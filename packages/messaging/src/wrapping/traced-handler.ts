/**
 * The handler, each call of it run by `process`, with the `this` and the arguments of the call.
 *
 * @param process Gets the first argument and what calls the handler, with that or with what stands in for it.
 */
export function tracedHandler<M, Rest extends unknown[], R>(
  handler: (message: M, ...rest: Rest) => R,
  process: (message: M, call: (message: M) => R) => R,
): (message: M, ...rest: Rest) => R {
  return function tracedHandler(this: unknown, message, ...rest) {
    return process(message, (given) => Reflect.apply(handler, this, [given, ...rest]));
  };
}
