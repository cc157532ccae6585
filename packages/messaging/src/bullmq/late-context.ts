import type { Context } from '@opentelemetry/api';

/**
 * A context that is built on first access.
 *
 * For clients that activate the context before they supply what it depends on.
 */
export class LateContext implements Context {
  readonly #make: () => Context;
  #made: Context | undefined;

  constructor(make: () => Context) {
    this.#make = make;
  }

  /** Builds the context if needed, and returns it. */
  settle(): Context {
    this.#made ??= this.#make();
    return this.#made;
  }

  getValue(key: symbol): unknown {
    return this.settle().getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return this.settle().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.settle().deleteValue(key);
  }
}
