/** The class of the `cloudevents` package: frozen, extensions as properties, and strict about their names and values. */
export class FakeCloudEvent {
  readonly id: string = '1';
  readonly type: string = 'orders';
  readonly source: string = '/test';
  readonly specversion: string = '1.0';
  readonly time: string = new Date().toISOString();
  readonly [name: string]: unknown;

  constructor(attributes: { readonly [name: string]: unknown } = {}, strict = true) {
    for (const [name, value] of Object.entries(attributes)) {
      if (strict && !/^[a-z0-9_]+$/.test(name)) throw new TypeError(`invalid extension name: ${name}`);
      if (strict && value === undefined) throw new TypeError(`invalid extension value: ${value}`);
    }
    Object.assign(this, attributes);
    Object.freeze(this);
  }

  cloneWith(attributes: object, strict = true): FakeCloudEvent {
    return new FakeCloudEvent({ ...this, ...attributes }, strict);
  }
}
