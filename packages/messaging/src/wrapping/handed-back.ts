type AnyFunction = (...args: unknown[]) => unknown;

/** Methods that keep a function to call later, and recognise it by its identity. */
const LISTENING = /listener|^(on|once|off)$|subscribe$/i;
const REMOVING = /^(off|remove)|unsubscribe$/i;

/**
 * Replaces the original with the wrapped client where it returns itself: in results, promises and lists, and as
 * `this` or an argument of callbacks and listeners.
 *
 * A listener is always replaced by the same stand-in, so that it can be removed. A stand-in has all properties of the
 * original.
 */
export class HandedBack implements ProxyHandler<AnyFunction> {
  readonly #client: object;
  readonly #wrapped: object;
  #standIns: WeakMap<AnyFunction, AnyFunction> | undefined;
  #listeners: WeakMap<object, AnyFunction> | undefined;

  constructor(client: object, wrapped: object) {
    this.#client = client;
    this.#wrapped = wrapped;
  }

  /** Calls a function for which a stand-in was given to the original. */
  apply(fn: AnyFunction, self: unknown, args: unknown[]): unknown {
    const own = (value: unknown) => (value === this.#client ? this.#wrapped : value);
    return Reflect.apply(fn, own(self), args.includes(this.#client) ? args.map(own) : args);
  }

  /**
   * Returns the result of a method. Thenables other than promises are kept, because some start their work when `then`
   * is called.
   */
  result(value: unknown): unknown {
    if (!(value instanceof Promise)) return this.value(value);
    return new MappedPromise(value, (settled) => this.value(settled));
  }

  /** Returns a value, or a list of values. */
  value(value: unknown): unknown {
    if (value === this.#client) return this.#wrapped;
    if (!Array.isArray(value) || !value.some((item) => this.#item(item) !== item)) return value;
    return value.map((item) => this.#item(item));
  }

  #item(item: unknown): unknown {
    if (typeof item === 'function') return this.#listeners?.get(item) ?? item;
    return item === this.#client ? this.#wrapped : item;
  }

  /** Returns the arguments for a method, with stand-ins for the functions among them. */
  args(name: string, args: readonly unknown[]): readonly unknown[] {
    return args.some((arg) => typeof arg === 'function')
      ? args.map((arg) => this.#argument(name, arg))
      : args;
  }

  #argument(name: string, arg: unknown): unknown {
    if (typeof arg !== 'function') return arg;
    const fn = arg as AnyFunction;
    if (!LISTENING.test(name)) return new Proxy(fn, this);
    const known = this.#standIns?.get(fn);
    // A listener that was added before the client was wrapped has no stand-in.
    if (known !== undefined || REMOVING.test(name)) return known ?? fn;
    const made = new Proxy(fn, this);
    this.#standIns ??= new WeakMap();
    this.#listeners ??= new WeakMap();
    this.#standIns.set(fn, made);
    this.#listeners.set(made, fn);
    return made;
  }

  /** Returns whether a method keeps the functions that it gets. */
  static isListening(name: string): boolean {
    return LISTENING.test(name);
  }
}

/**
 * A promise for the mapped value of another promise.
 *
 * It subscribes to the other only when `then` is called on it. So a rejection counts as handled exactly when it would
 * without us, also if the client has handled it for its caller.
 */
class MappedPromise extends Promise<unknown> {
  readonly #source: Promise<unknown>;
  readonly #map: (value: unknown) => unknown;

  static override get [Symbol.species]() {
    return Promise;
  }

  constructor(source: Promise<unknown>, map: (value: unknown) => unknown) {
    super(() => {});
    this.#source = source;
    this.#map = map;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  override then<V, E>(
    onValue?: ((value: unknown) => V | PromiseLike<V>) | null,
    onError?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<V | E> {
    return this.#source.then(this.#map).then(onValue, onError);
  }
}
