import type { Context } from '@opentelemetry/api';

/**
 * Returns a context with one value more, as `setValue` does, but without copying all others.
 *
 * For a context from which little is read. One that is built upon is copied twice.
 */
export function contextWith(context: Context, key: symbol, value: unknown): Context {
  return new ContextView(context, key, value);
}

class ContextView implements Context {
  readonly #context: Context;
  readonly #key: symbol;
  readonly #value: unknown;

  constructor(context: Context, key: symbol, value: unknown) {
    this.#context = context;
    this.#key = key;
    this.#value = value;
  }

  getValue(key: symbol): unknown {
    return key === this.#key ? this.#value : this.#context.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#context.setValue(this.#key, this.#value).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#context.setValue(this.#key, this.#value).deleteValue(key);
  }
}
