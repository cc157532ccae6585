/** The class that made a `Request`, or one of its bases: the platform's own, of Node or of a package. */
export function requestClass(input: unknown): typeof Request | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  try {
    for (let proto = Object.getPrototypeOf(input); proto !== null; proto = Object.getPrototypeOf(proto)) {
      if (!Object.hasOwn(proto, 'url') || !Object.hasOwn(proto, 'duplex')) continue;
      // Throws for what only looks like one, as a Proxy does.
      Reflect.get(proto, 'url', input);
      return proto.constructor as typeof Request;
    }
  } catch {
    // No Request; `fetch` says what it is.
  }
  return undefined;
}
