const NAME = /^[\w$.]{1,64}$/;

/** Whether something is an error, be it of another realm, as in a test runner or a `vm`. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** Whether `value` is a name that a program gave, not text with content. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

/** The class of an error; `undefined` where its name is none. */
export function className(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  const name: unknown = error.name;
  return isName(name) ? name : undefined;
}
