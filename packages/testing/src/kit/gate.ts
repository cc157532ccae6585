/** A point where a handler waits until the case lets it go on, instead of sleeping. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

/** Makes a closed gate. Opening it twice is harmless. */
export function createGate(): Gate {
  const { promise, resolve } = withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** `Promise.withResolvers`, which Node 20 does not have. */
export function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
