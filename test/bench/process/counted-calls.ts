import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';

/** Calls per request that cost more than they look. */
export interface Calls {
  readonly contextRuns: number;
  /** Listeners that are added, those of Node and of the framework included. */
  readonly listeners: number;
  /** Calls of `setAttribute` and `setAttributes`. */
  readonly attributeWrites: number;
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Counts the calls while `serve` runs. What they do is done as ever. */
export async function countCalls(serve: () => Promise<void>): Promise<Calls> {
  // A peer's installation need not have the API.
  const api = await import('@opentelemetry/api').catch(() => undefined);
  const span = Object.getPrototypeOf(api?.trace.getTracer('calls').startSpan('calls') ?? {});
  const runs = watch(AsyncLocalStorage.prototype, ['run']);
  const listeners = watch(EventEmitter.prototype, ['on', 'addListener', 'prependListener']);
  const writes = watch(span, ['setAttribute', 'setAttributes']);
  await serve();
  return { contextRuns: runs(), listeners: listeners(), attributeWrites: writes() };
}

/** Returns a function that stops counting and returns the count. */
function watch(given: object, names: readonly string[]): () => number {
  const prototype = given as Methods;
  const methods = names.map((name) => [name, prototype[name]] as const);
  let calls = 0;
  for (const [name, method] of methods) {
    if (method === undefined) continue;
    prototype[name] = function counted(this: unknown, ...args: unknown[]) {
      calls++;
      return Reflect.apply(method, this, args);
    };
  }
  return () => {
    for (const [name, method] of methods) if (method !== undefined) prototype[name] = method;
    return calls;
  };
}
