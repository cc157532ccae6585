/** Values that a reader may find in an object of the caller. */
type Values = Readonly<Record<string, unknown>>;

/** A class with a getter for each value, which reads a private field. */
function withPrivateFields(values: Values): object {
  class Private {
    readonly #values = values;
    static read(one: Private, name: string) {
      return one.#values[name];
    }
  }
  for (const name of Object.keys(values))
    Object.defineProperty(Private.prototype, name, {
      get(this: Private) {
        return Private.read(this, name);
      },
    });
  return new Private();
}

/** The same values in objects of every kind that an application may pass. */
export const SHAPES: Readonly<Record<string, (values: Values) => object>> = {
  plain: (values) => ({ ...values }),
  frozen: (values) => Object.freeze({ ...values }),
  inherited: (values) => Object.create(values),
  'inherited and frozen': (values) => Object.freeze(Object.create(values)),
  'of a class with private fields': withPrivateFields,
  'with getters': (values) =>
    Object.defineProperties(
      {},
      Object.fromEntries(
        Object.keys(values).map((name) => [name, { get: () => values[name], enumerable: true }]),
      ),
    ),
  hidden: (values) =>
    Object.defineProperties(
      {},
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, writable: true }])),
    ),
  'a proxy': (values) => new Proxy({ ...values }, {}),
  'without a prototype': (values) => Object.assign(Object.create(null), values),
  'with a symbol': (values) => ({ ...values, [Symbol('of the application')]: 1 }),
};
