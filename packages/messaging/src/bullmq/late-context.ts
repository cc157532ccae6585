import type { Context } from '@opentelemetry/api';

/**
 * A context that is made when it is first looked into.
 *
 * For clients that enter the context before they show what it depends on.
 */
export class LateContext implements Context {
  readonly #make: () => Context;
  #made: Context | undefined;

  constructor(make: () => Context) {
    this.#make = make;
  }

  /** The context itself, from now on settled. */
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
