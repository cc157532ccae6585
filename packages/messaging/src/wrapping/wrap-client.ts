import { types } from 'node:util';
import { HandedBack } from './handed-back.ts';
import type { Method } from './method.ts';

type Methods = { readonly [name: string]: Method };

/** Read from a wrapped client, it is the view; no other object has it. A `WeakSet` takes 0.3 µs for each message. */
const VIEW = Symbol('Throughline wrapped client');

/** Returns the view of a wrapped client: wrapping one twice would make every span twice. */
function viewOf(client: object): ClientView<object> | undefined {
  if (!types.isProxy(client)) return undefined;
  try {
    const view: unknown = Reflect.get(client, VIEW);
    return view instanceof ClientView ? view : undefined;
  } catch {
    // The application's own proxy, which does not expect a symbol.
    return undefined;
  }
}

/** `util.inspect` shows a proxy's target and does not call its traps, but calls this on the proxy. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');
function inspected(this: object): unknown {
  return viewOf(this)?.client;
}

/**
 * Returns a client of the same type with some methods replaced. The original is not changed.
 *
 * All other members are the original's own, methods bound to it, so private fields, `instanceof` and listeners keep
 * working. Where the original returns itself, the caller gets the wrapped client.
 *
 * What the application assigns to a replaced method is kept in the wrapped client only: a spy calls the method that
 * it replaced, and would call itself if our method called the spy. Anything else that is assigned goes to the
 * original.
 */
export function wrapClient<T extends object>(client: T, methods: Methods): T {
  if (viewOf(client) !== undefined) return client;
  // A proxy may show another value than its target only where the target does not hold it for good. So the target is
  // an object of its own, which gets what the original holds for good, as it is shown.
  const target = { __proto__: Reflect.getPrototypeOf(client), [INSPECT]: inspected } as unknown as T;
  const view = new ClientView(client, methods);
  const proxy = new Proxy(target, view);
  view.handedBack = new HandedBack(client, proxy);
  return proxy;
}

/** A function of the original, and what is shown of it: itself, if the application put it there. */
interface Bound {
  readonly method: unknown;
  readonly shown: unknown;
}

/**
 * What a wrapped client shows of the original. Some clients have each of their messages wrapped, so nothing is made before it
 * is needed.
 */
class ClientView<T extends object> implements ProxyHandler<T> {
  handedBack!: HandedBack;
  readonly client: T;
  readonly #methods: Methods;
  /** What the application put in place of replaced methods. */
  #overlay: Record<PropertyKey, unknown> | undefined;
  /** By name, the function that the original holds and what is shown of it. No more than it has names. */
  #bound: Map<PropertyKey, Bound> | undefined;
  /** What was shown of functions that the original held before, for those who put one of them back. */
  #earlier: WeakMap<object, unknown> | undefined;

  constructor(client: T, methods: Methods) {
    this.client = client;
    this.#methods = methods;
  }

  get(_target: T, name: PropertyKey, receiver: unknown): unknown {
    if (name === VIEW) return receiver === this.handedBack.value(this.client) ? this : undefined;
    return this.#overlay !== undefined && name in this.#overlay
      ? Reflect.get(this.#overlay, name)
      : this.#shown(name, Reflect.get(this.client, name, this.client));
  }

  #shown(name: PropertyKey, member: unknown): unknown {
    if (member === this.client) return this.handedBack.value(member);
    if (typeof member !== 'function' || name === 'constructor') return member;
    const method = this.#replacementOf(name) ?? (member as Method);
    const known = this.#bound?.get(name);
    if (known?.method === method) return known.shown;
    const shown = this.#bind(method, String(name), method !== member);
    this.#keep(name, method, shown);
    return shown;
  }

  #keep(name: PropertyKey, method: unknown, shown: unknown): void {
    this.#bound ??= new Map();
    const before = this.#bound.get(name);
    if (before !== undefined && before.shown !== before.method) {
      this.#earlier ??= new WeakMap();
      this.#earlier.set(before.shown as object, before.method);
    }
    this.#bound.set(name, { method, shown });
  }

  /** Returns the function of the original that is or was shown as `shown`. Asked for when the application assigns something. */
  #methodOf(shown: unknown): unknown {
    for (const bound of this.#bound?.values() ?? []) if (bound.shown === shown) return bound.method;
    return this.#earlier?.get(shown as object);
  }

  /** Replaced methods call callbacks themselves and return what is ours, but for those that add listeners. */
  #bind(method: Method, name: string, replaced: boolean): Method {
    const { handedBack } = this;
    const client = this.client;
    const mapped = !replaced || HandedBack.isListening(name);
    return (...args) => {
      const given = mapped ? handedBack.args(name, args) : args;
      const result = Reflect.apply(method, client, given as never[]);
      return replaced ? handedBack.value(result) : handedBack.result(result);
    };
  }

  #replacementOf(name: PropertyKey): Method | undefined {
    return typeof name === 'string' && Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined;
  }

  /** The original's own value for one that was shown. What the application made is shown as it is. */
  #hidden(name: PropertyKey, value: unknown): unknown {
    if (value !== undefined && value === this.handedBack.value(this.client)) return this.client;
    if (typeof value !== 'function') return value;
    const method = this.#methodOf(value) ?? value;
    this.#keep(name, method, value);
    return method;
  }

  set(_target: T, name: PropertyKey, value: unknown, receiver: unknown): boolean {
    // Of an object that inherits from the wrapped client.
    if (receiver !== this.handedBack.value(this.client))
      return Reflect.set(this.client, name, value, receiver);
    if (this.#replacementOf(name) === undefined)
      return Reflect.set(this.client, name, this.#hidden(name, value), this.client);
    return this.#replace(name, { value, writable: true, enumerable: true });
  }

  /** Puts a replaced method aside. The one that is there by itself needs no place. */
  #replace(name: PropertyKey, descriptor: PropertyDescriptor): boolean {
    const own = Reflect.getOwnPropertyDescriptor(this.client, name);
    const takes = own === undefined ? Reflect.isExtensible(this.client) : own.configurable || own.writable;
    if (takes !== true) return false;
    this.#overlay ??= Object.create(null) as Record<PropertyKey, unknown>;
    if (this.#methodOf(descriptor.value) === this.#replacementOf(name))
      return Reflect.deleteProperty(this.#overlay, name);
    return Reflect.defineProperty(this.#overlay, name, { ...descriptor, configurable: true });
  }

  has(_target: T, name: PropertyKey): boolean {
    return Reflect.has(this.client, name);
  }

  deleteProperty(target: T, name: PropertyKey): boolean {
    if (this.#overlay !== undefined && name in this.#overlay)
      return Reflect.deleteProperty(this.#overlay, name);
    return Reflect.deleteProperty(this.client, name) && Reflect.deleteProperty(target, name);
  }

  getOwnPropertyDescriptor(target: T, name: PropertyKey): PropertyDescriptor | undefined {
    const descriptor = this.#describe(name);
    if (descriptor?.configurable === false) Reflect.defineProperty(target, name, descriptor);
    return descriptor;
  }

  /** A bound method counts as the wrapped client's own: a spy that took the prototype's would call that unbound. */
  #describe(name: PropertyKey): PropertyDescriptor | undefined {
    const client = this.client;
    const replaced = this.#overlay && Reflect.getOwnPropertyDescriptor(this.#overlay, name);
    if (replaced !== undefined) return replaced;
    const own = Reflect.getOwnPropertyDescriptor(client, name);
    if (own !== undefined) return 'value' in own ? { ...own, value: this.#shown(name, own.value) } : own;
    if (!Reflect.isExtensible(client) || name === 'constructor' || !Reflect.has(client, name))
      return undefined;
    const value = this.#shown(name, Reflect.get(client, name, client));
    if (typeof value !== 'function') return undefined;
    return { value, writable: true, enumerable: false, configurable: true };
  }

  defineProperty(target: T, name: PropertyKey, descriptor: PropertyDescriptor): boolean {
    if (this.#replacementOf(name) !== undefined && descriptor.configurable !== false)
      return this.#replace(name, descriptor);
    const own =
      'value' in descriptor ? { ...descriptor, value: this.#hidden(name, descriptor.value) } : descriptor;
    if (!Reflect.defineProperty(this.client, name, own)) return false;
    if (this.#overlay !== undefined) Reflect.deleteProperty(this.#overlay, name);
    if (descriptor.configurable === false) this.#settle(target, name);
    return true;
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.client);
  }

  getPrototypeOf(): object | null {
    return Reflect.getPrototypeOf(this.client);
  }

  setPrototypeOf(target: T, prototype: object | null): boolean {
    return Reflect.setPrototypeOf(this.client, prototype) && Reflect.setPrototypeOf(target, prototype);
  }

  isExtensible(target: T): boolean {
    return Reflect.isExtensible(this.client) || !this.preventExtensions(target);
  }

  preventExtensions(target: T): boolean {
    if (!Reflect.preventExtensions(this.client)) return false;
    Reflect.deleteProperty(target, INSPECT);
    for (const name of Reflect.ownKeys(this.client)) this.#settle(target, name);
    return Reflect.preventExtensions(target);
  }

  #settle(target: T, name: PropertyKey): void {
    const descriptor = this.#describe(name);
    if (descriptor !== undefined) Reflect.defineProperty(target, name, descriptor);
  }
}
