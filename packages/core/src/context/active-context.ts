import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { type Context, context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { guarded, reportOnce, sharedByCopies } from '@throughline/guard';
import { perRegistration, registeredApi } from '../setup/registered-api.ts';

/** Carries the context while no SDK has registered a context manager: the API alone would lose it. */
const ownStorage = sharedByCopies('context', () => new AsyncLocalStorage<Context>());

const PROBE = createContextKey('Throughline context manager probe');

const hasContextManager = perRegistration('context', () => {
  if (registeredApi().context === undefined) return false;
  const probe = ROOT_CONTEXT.setValue(PROBE, true);
  const works = () => context.with(probe, () => context.active().getValue(PROBE)) === true;
  // In a resource of its own: what a run leaves behind in the map of contexts would be copied by every run of each server
  // that is created afterwards.
  return guarded(
    'the context manager threw when it was tried; Throughline carries the context itself',
    () => new AsyncResource('ThroughlineProbe').runInAsyncScope(works),
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
  if (!hasContextManager()) return ownStorage.getStore() ?? ROOT_CONTEXT;
  // Written out, because `guarded` would need a closure for each of several looks per request.
  try {
    return context.active();
  } catch (error) {
    reportOnce('the context manager threw in active()', error);
    return ROOT_CONTEXT;
  }
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
  // To enter a context takes 800 bytes.
  if (activeContext() === active) return fn();
  let outcome: T | undefined;
  let error: unknown;
  // A closure, because only what is handed to the context manager can note that it ran.
  let state: 'waiting' | 'returned' | 'thrown' = 'waiting';
  const callOnce = () => {
    if (state !== 'waiting') return;
    state = 'thrown';
    try {
      outcome = fn();
      state = 'returned';
    } catch (thrown) {
      error = thrown;
    }
  };
  try {
    const returned: unknown = context.with(active, callOnce);
    if (returned instanceof Promise) guarded(WITH_THREW, () => returned);
  } catch (thrown) {
    reportOnce(WITH_THREW, thrown);
  }
  callOnce();
  // The casts: TypeScript does not see that the callback assigned them.
  if ((state as string) === 'thrown') throw error;
  return outcome as T;
}

const WITH_THREW = 'the context manager threw in with()';
