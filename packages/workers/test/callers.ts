import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';

const CALLER = createContextKey('caller');

/** Runs `fn` in the context of a caller. */
export function as<T>(caller: string, fn: () => T): T {
  return context.with(ROOT_CONTEXT.setValue(CALLER, caller), fn);
}

/** The caller whose context is active. */
export function who(): string {
  return String(context.active().getValue(CALLER) ?? 'none');
}

/** A promise and what settles it; Node 20 has no `Promise.withResolvers`. */
export function later<T = void>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
