type Method = (...args: never[]) => unknown;

/** Clients that are wrapped already: wrapping one twice would make every span twice. */
const wrapped = new WeakSet<object>();

/**
 * A client of the same type with some methods replaced; the original stays as it is.
 *
 * All other members are the original's own, methods bound to it, so private fields, `instanceof` and listeners keep
 * working. A method that returns the original returns the wrapped client, so that calls can be chained.
 */
export function wrapClient<T extends object>(client: T, methods: { readonly [name: string]: Method }): T {
  if (wrapped.has(client)) return client;
  const bound = new WeakMap<Method, Method>();
  const bind = (method: Method): Method => {
    const known = bound.get(method);
    if (known !== undefined) return known;
    const onOriginal: Method = (...args) => {
      const result = Reflect.apply(method, client, args);
      return result === client ? proxy : result;
    };
    bound.set(method, onOriginal);
    return onOriginal;
  };
  const proxy = new Proxy(client, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function' || name === 'constructor') return member;
      const own = typeof name === 'string' && Object.hasOwn(methods, name) ? methods[name] : undefined;
      return bind(own ?? (member as Method));
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
  wrapped.add(proxy);
  return proxy;
}
