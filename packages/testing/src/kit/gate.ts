/** A point where a handler waits until the case lets it continue, instead of sleeping. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

/** Returns a closed gate. Opening it twice is harmless. */
export function createGate(): Gate {
  const { promise, resolve } = withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** Gates by name, made when first asked for. */
export interface Gates {
  gate(name: string): Gate;
  openAll(): void;
}

/** Returns gates that are all closed. */
export function createGates(): Gates {
  const gates = new Map<string, Gate>();
  return {
    gate(name) {
      const known = gates.get(name) ?? createGate();
      gates.set(name, known);
      return known;
    },
    openAll() {
      for (const gate of gates.values()) gate.open();
    },
  };
}

/** Does what `Promise.withResolvers` does, which Node 20 lacks. */
export function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
