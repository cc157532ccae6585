import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { guarded, sharedByCopies } from '@throughline/guard';
import { perRegistration, registeredApi } from '../setup/registered-api.ts';

/** Carries the context while no SDK has registered a context manager: the API alone would lose it. */
const ownStorage = sharedByCopies('context', () => new AsyncLocalStorage<Context>());

const PROBE = createContextKey('Throughline context manager probe');

const hasContextManager = perRegistration('context', () => {
  if (registeredApi().context === undefined) return false;
  const probe = ROOT_CONTEXT.setValue(PROBE, true);
  return guarded(
    'the context manager threw when it was tried; Throughline carries the context itself',
    () => context.with(probe, () => context.active().getValue(PROBE)) === true,
    false,
  );
});

/**
 * Returns the active context, from the registered context manager or, without one, from our own storage.
 *
 * Never throws: returns the root context when none is active.
 *
 * @example
 * const spanContext = trace.getSpanContext(activeContext());
 */
export function activeContext(): Context {
  return hasContextManager()
    ? guarded('the context manager threw in active()', () => context.active(), ROOT_CONTEXT)
    : (ownStorage.getStore() ?? ROOT_CONTEXT);
}

/**
 * Runs `fn` with `active` as the active context, and returns or throws what `fn` does.
 *
 * `fn` runs exactly once and synchronously, even if the context manager fails.
 *
 * @example
 * runInContext(extractContext(message.headers), () => handle(message));
 */
export function runInContext<T>(active: Context, fn: () => T): T {
  if (!hasContextManager()) return ownStorage.run(active, fn);
  let returned: { readonly value: T } | undefined;
  let thrown: { readonly error: unknown } | undefined;
  let called = false;
  const callOnce = () => {
    if (called) return;
    called = true;
    try {
      returned = { value: fn() };
    } catch (error) {
      thrown = { error };
    }
  };
  guarded('the context manager threw in with()', () => context.with(active, callOnce));
  callOnce();
  // The casts: TypeScript does not see that the callback assigned them.
  if (returned === undefined) throw (thrown as unknown as { readonly error: unknown }).error;
  return (returned as { readonly value: T }).value;
}
