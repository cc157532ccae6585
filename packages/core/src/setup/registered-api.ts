/** What is registered with the OpenTelemetry API of this process; a slot is absent until an SDK fills it. */
interface RegisteredApi {
  /** The version of the API's copy that filled the first slot, such as `1.9.1`. */
  readonly version?: string;
  readonly trace?: object;
  readonly context?: object;
  readonly propagation?: object;
  readonly metrics?: object;
  readonly diag?: object;
}

const NOTHING: RegisteredApi = {};
const REGISTRY = Symbol.for('opentelemetry.js.api.1');
const holder = globalThis as { [REGISTRY]?: RegisteredApi };

/**
 * Returns the API's registry, which every copy of `@opentelemetry/api` 1.x shares.
 *
 * It is read for the identity of its slots: the API has no event for "an SDK was registered", and probing each time what
 * works (a context manager, a propagator) would cost more than the tracing of the whole request.
 */
export function registeredApi(): RegisteredApi {
  return holder[REGISTRY] ?? NOTHING;
}

/**
 * Returns a function for a value that is derived from one slot of the registry, and derived again after that slot was
 * filled, emptied or replaced.
 *
 * So an SDK may start after our middleware is mounted, stop, and start again.
 */
export function perRegistration<T>(name: Exclude<keyof RegisteredApi, 'version'>, derive: () => T): () => T {
  let seen: object | undefined | null = null;
  let value: T;
  return () => {
    const current = registeredApi()[name];
    if (current !== seen) {
      value = derive();
      seen = current;
    }
    return value;
  };
}
