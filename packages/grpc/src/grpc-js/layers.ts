/** A call around another call. */
export interface Layer<Call> {
  readonly nextCall: Call;
}

type LayerClass<Call, Rest extends unknown[], L> = new (nextCall: Call, ...rest: Rest) => L;

/**
 * Returns a function that puts a layer around a call: an instance of `Base` that shows the call's other members.
 *
 * The members are listed once for each class of call. The library's next version may have more of them than this one, and a
 * proxy for each call takes a kilobyte.
 */
export function layers<Call extends object, Rest extends unknown[], L extends Layer<Call>>(
  Base: LayerClass<Call, Rest, L>,
): (call: Call, ...rest: Rest) => L {
  const known = new WeakMap<object, LayerClass<Call, Rest, L>>();
  return (call, ...rest) => {
    const prototype: object | null = Object.getPrototypeOf(call);
    let Class = prototype === null ? undefined : known.get(prototype);
    if (Class === undefined) {
      Class = layerClass(Base, call);
      // Two plain objects need not have the same members.
      if (prototype !== null && prototype !== Object.prototype) known.set(prototype, Class);
    }
    return new Class(call, ...rest);
  };
}

function layerClass<Call extends object, Rest extends unknown[], L extends Layer<Call>>(
  Base: LayerClass<Call, Rest, L>,
  call: Call,
): LayerClass<Call, Rest, L> {
  const Class = class extends (Base as unknown as new (...all: unknown[]) => Layer<Call>) {};
  for (let at: object | null = call; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of Reflect.ownKeys(at))
      if (!(name in Class.prototype)) Object.defineProperty(Class.prototype, name, forwarder(at, name));
  return Class as unknown as LayerClass<Call, Rest, L>;
}

/** Returns a member that reaches the call. */
function forwarder(holder: object, name: PropertyKey): PropertyDescriptor {
  type Members = Layer<Record<PropertyKey, unknown>>;
  if (typeof Object.getOwnPropertyDescriptor(holder, name)?.value !== 'function')
    return {
      get(this: Members) {
        return this.nextCall[name];
      },
    };
  return {
    value(this: Members, ...all: unknown[]) {
      return (this.nextCall[name] as (...all: unknown[]) => unknown)(...all);
    },
  };
}
