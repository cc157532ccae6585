/**
 * Returns `init` with some members replaced, for a reader that reads members by name.
 *
 * `overlay` returns the value of each member; `read` reads it from `init`, at the moment when it is asked for. So inherited
 * members, getters, classes with private fields and frozen objects appear as they would without us.
 */
export function overlaidInit<Init extends object>(
  init: Init,
  overlay: (name: string | symbol, read: () => unknown) => unknown,
): Init {
  // An empty target, because a proxy of a frozen object must not return other values.
  return new Proxy({} as Init, {
    get: (_, name) => overlay(name, () => Reflect.get(init, name, init)),
    has: (_, name) => Reflect.has(init, name),
  });
}
