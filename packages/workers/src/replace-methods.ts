/**
 * Puts methods on one object, in place of those that it inherits; not a second time under the same mark. They are not
 * enumerable, so what lists or compares the object sees no difference.
 */
export function replaceMethods(object: object, mark: symbol, methods: PropertyDescriptorMap): void {
  if (Object.hasOwn(object, mark)) return;
  Object.defineProperty(object, mark, { value: true });
  Object.defineProperties(object, methods);
}

/** The descriptor of a method that is put on an object. */
export const method = (value: unknown) => ({ value, writable: true, configurable: true });
