import { type Context, createContextKey } from '@opentelemetry/api';

/** Set while an SDK's own traffic is sent; every OpenTelemetry package honours it. The key is global. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Returns a context in which no instrumentation records or injects anything. */
export function suppressTracing(context: Context): Context {
  return new SuppressedContext(context);
}

/** Like `setValue`, which would copy all values: a call is sent in it, and few read another value there. */
class SuppressedContext implements Context {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  getValue(key: symbol): unknown {
    return key === SUPPRESS_TRACING ? true : this.#context.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#context.setValue(SUPPRESS_TRACING, true).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    if (key === SUPPRESS_TRACING) return this.#context.deleteValue(key);
    return this.#context.setValue(SUPPRESS_TRACING, true).deleteValue(key);
  }
}

/** Whether nothing is to be recorded or injected in `context`. */
export function isTracingSuppressed(context: Context): boolean {
  return context.getValue(SUPPRESS_TRACING) === true;
}
