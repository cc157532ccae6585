import { nodeModule } from '@throughline/guard';

const types = nodeModule<typeof import('node:util')>('node:util')?.types;

/**
 * Returns an object like the original with some members of its own. The original may be of any kind: frozen, with
 * inherited members, an instance with getters and private fields, a proxy.
 *
 * A plain object is copied. A copy of any other kind would lose inherited members and the getters of a class, so a view
 * is returned: reads reach the original, writes stay in the view.
 *
 * @param members Replace or join the members of the original.
 * @param without Names of members to leave out, in any letter case. Default: none.
 */
export function withMembers<T extends object>(
  original: T | null | undefined,
  members: Readonly<Record<string, unknown>>,
  without: readonly string[] = [],
): T {
  // Whether anything else is acceptable is for its reader to decide.
  if (typeof original !== 'object' || original === null) return { ...members } as T;
  const gone = without.length === 0 ? NONE : new Set(without.map((name) => name.toLowerCase()));
  if (!isPlain(original)) return new Proxy({ ...members } as T, new View(original, gone, true));
  if (gone.size === 0) return { ...original, ...members };
  const copy = { ...original } as Record<string, unknown>;
  for (const name in copy) if (gone.has(name.toLowerCase())) delete copy[name];
  return Object.assign(copy, members) as T;
}

/** Like {@link withMembers}, for an instance whose methods should see the members: they get the view as `this`. */
export function viewWithMembers<T extends object>(
  original: T,
  members: Readonly<Record<string, unknown>>,
): T {
  return new Proxy({ ...members } as T, new View(original, NONE, false));
}

const NONE: ReadonlySet<string> = new Set();

/** Whether a copy of all enumerable members is as good as the object. */
function isPlain(object: object): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype || types?.isProxy(object) === true) return false;
  let enumerable = 0;
  for (const _ in object) enumerable++;
  return Object.getOwnPropertyNames(object).length === enumerable;
}

/** Shows an original under the changes that are the proxy's target. */
class View<T extends object> implements ProxyHandler<T> {
  readonly #original: T;
  readonly #without: ReadonlySet<string>;
  readonly #binds: boolean;
  #deleted: Set<PropertyKey> | undefined;

  constructor(original: T, without: ReadonlySet<string>, binds: boolean) {
    this.#original = original;
    this.#without = without;
    this.#binds = binds;
  }

  #isGone(name: PropertyKey): boolean {
    return (
      this.#deleted?.has(name) === true || (typeof name === 'string' && this.#without.has(name.toLowerCase()))
    );
  }

  get(changes: T, name: PropertyKey): unknown {
    if (Object.hasOwn(changes, name)) return Reflect.get(changes, name);
    if (this.#isGone(name)) return undefined;
    const value: unknown = Reflect.get(this.#original, name, this.#original);
    const isMethod =
      typeof value === 'function' && name !== 'constructor' && !Object.hasOwn(this.#original, name);
    // A method may read private fields.
    return isMethod && this.#binds ? value.bind(this.#original) : value;
  }

  set(changes: T, name: PropertyKey, value: unknown): boolean {
    return Reflect.defineProperty(changes, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }

  has(changes: T, name: PropertyKey): boolean {
    return Object.hasOwn(changes, name) || (!this.#isGone(name) && Reflect.has(this.#original, name));
  }

  deleteProperty(changes: T, name: PropertyKey): boolean {
    this.#deleted ??= new Set();
    this.#deleted.add(name);
    return Reflect.deleteProperty(changes, name);
  }

  ownKeys(changes: T): (string | symbol)[] {
    const kept = Reflect.ownKeys(this.#original).filter((name) => !this.#isGone(name));
    return [...new Set([...kept, ...Reflect.ownKeys(changes)])];
  }

  getOwnPropertyDescriptor(changes: T, name: PropertyKey): PropertyDescriptor | undefined {
    const changed = Reflect.getOwnPropertyDescriptor(changes, name);
    if (changed !== undefined || this.#isGone(name)) return changed;
    const own = Reflect.getOwnPropertyDescriptor(this.#original, name);
    if (own === undefined) return undefined;
    return {
      value: this.get(changes, name),
      writable: true,
      enumerable: own.enumerable === true,
      configurable: true,
    };
  }

  getPrototypeOf(): object | null {
    return Reflect.getPrototypeOf(this.#original);
  }

  /** A view that is frozen no longer reads from the original, so everything is copied first. */
  preventExtensions(changes: T): boolean {
    for (const name of this.ownKeys(changes))
      Reflect.defineProperty(changes, name, this.getOwnPropertyDescriptor(changes, name) ?? {});
    Reflect.setPrototypeOf(changes, this.getPrototypeOf());
    return Reflect.preventExtensions(changes);
  }
}
