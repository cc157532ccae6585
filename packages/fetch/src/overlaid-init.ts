/**
 * `init` with one member in place of its own, for a reader that takes members by name.
 *
 * Every other member is read from `init` itself at the moment when it is asked for: inherited members, getters,
 * classes with private fields and frozen objects are as the reader would have found them.
 */
export function overlaidInit<Init extends object>(
  init: Init,
  overlay: (name: string | symbol, read: () => unknown) => unknown,
): Init {
  // An empty target, because a frozen one would not let another value be read.
  return new Proxy({} as Init, {
    get: (_, name) => overlay(name, () => Reflect.get(init, name, init)),
    has: (_, name) => Reflect.has(init, name),
  });
}
