type Listener = (...args: never[]) => unknown;

const ADDING = ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const;
const REMOVING = ['off', 'removeListener'] as const;

/**
 * Returns the methods of an event emitter that add and remove listeners, for `wrapClient`. The listeners of some
 * events are wrapped when they are added, and found when they are removed.
 *
 * @param wrap Returns what stands in for a listener of this event, or `undefined` if it is not replaced.
 */
export function listenerMethods(
  emitter: object,
  wrap: (event: unknown, listener: Listener) => Listener | undefined,
): { readonly [name: string]: Listener } {
  const standIns = new Map<unknown, WeakMap<Listener, Listener>>();
  const standInOf = (event: unknown, listener: Listener) => standIns.get(event)?.get(listener);
  const method =
    (name: string, replace: (event: unknown, listener: Listener) => Listener | undefined) =>
    (event: unknown, listener: Listener, ...rest: unknown[]) =>
      Reflect.apply((emitter as Record<string, Listener>)[name] as Listener, emitter, [
        event,
        typeof listener === 'function' ? (replace(event, listener) ?? listener) : listener,
        ...rest,
      ] as never[]);

  function add(event: unknown, listener: Listener): Listener | undefined {
    const known = standInOf(event, listener);
    if (known !== undefined) return known;
    const wrapped = wrap(event, listener);
    if (wrapped === undefined) return undefined;
    const ofEvent = standIns.get(event) ?? new WeakMap<Listener, Listener>();
    standIns.set(event, ofEvent.set(listener, wrapped));
    return wrapped;
  }

  return Object.fromEntries([
    ...ADDING.map((name) => [name, method(name, add)] as const),
    ...REMOVING.map((name) => [name, method(name, standInOf)] as const),
  ]);
}
