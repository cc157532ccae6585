/** Returns the class of a `Request`, or the base of it that belongs to the platform: Node, or the undici package. */
export function requestClass(input: unknown): typeof Request | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  try {
    for (let proto = Object.getPrototypeOf(input); proto !== null; proto = Object.getPrototypeOf(proto)) {
      if (!Object.hasOwn(proto, 'url') || !Object.hasOwn(proto, 'duplex')) continue;
      // Throws for what only looks like a request, such as a Proxy.
      Reflect.get(proto, 'url', input);
      return proto.constructor as typeof Request;
    }
  } catch {
    // Not a Request; `fetch` itself reports what is wrong with it.
  }
  return undefined;
}
