import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { perRegistration, registeredApi } from './registered-api.ts';
import { reportOnce } from './report.ts';

/** Carries the context when no SDK has registered a context manager: the API alone would lose it. */
const ownStorage = new AsyncLocalStorage<Context>();

const PROBE = createContextKey('Throughline context manager probe');

const hasContextManager = perRegistration('context', () => {
  if (registeredApi().context === undefined) return false;
  try {
    const probe = ROOT_CONTEXT.setValue(PROBE, true);
    return context.with(probe, () => context.active().getValue(PROBE) === true);
  } catch (error) {
    reportOnce('the context manager threw when it was tried; Throughline carries the context itself', error);
    return false;
  }
});

/** The context of the code that is running, from the registered context manager or, without one, our own storage. */
export function activeContext(): Context {
  return hasContextManager() ? context.active() : (ownStorage.getStore() ?? ROOT_CONTEXT);
}

/**
 * Runs `fn` with `active` as the active context, and returns or throws what `fn` does.
 *
 * `fn` runs exactly once, whatever the context manager does.
 *
 * @example
 * runInContext(extractContext(message.headers), () => handle(message));
 */
export function runInContext<T>(active: Context, fn: () => T): T {
  if (!hasContextManager()) return ownStorage.run(active, fn);
  let state: 'not called' | 'returned' | 'threw' = 'not called';
  let result: T | undefined;
  let thrown: unknown;
  try {
    context.with(active, () => {
      try {
        result = fn();
        state = 'returned';
      } catch (error) {
        thrown = error;
        state = 'threw';
      }
    });
  } catch (error) {
    reportOnce('the context manager threw; the handler ran all the same', error);
  }
  // Widened by hand: TypeScript does not see that the callback assigned it.
  switch (state as 'not called' | 'returned' | 'threw') {
    case 'returned':
      return result as T;
    case 'threw':
      throw thrown;
    default:
      return fn();
  }
}
