const NAME = /^[\w$.]{1,64}$/;

/** Whether a value is an error, of this realm or of another one, as in a test runner or a `vm`. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** Whether `value` has the form of a name in a program, and so is not text with content. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

/** Returns the class of an error, or `undefined` where its `name` does not have the form of one. */
export function className(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  const name: unknown = error.name;
  return isName(name) ? name : undefined;
}
