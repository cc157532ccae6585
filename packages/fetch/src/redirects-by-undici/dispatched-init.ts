import type { FetchCall } from '../fetch-call/fetch-call.ts';
import { HopDispatcher } from './hop-dispatcher.ts';

/**
 * Returns the `init` that `fetch` gets: the caller's, with our dispatcher around the caller's own.
 *
 * `fetch` reads it, member by member, at the moment when it would without us. So inherited members, getters, classes with
 * private fields and frozen objects appear as they would without us. What is not an object is left for `fetch` to reject.
 */
export function dispatchedInit(call: FetchCall): RequestInit {
  const { init, hops, context } = call;
  // The casts: our dispatcher has what `fetch` uses of one.
  if (init === undefined || init === null)
    return { dispatcher: new HopDispatcher(hops, undefined, context) as never };
  // An empty target, because a proxy of a frozen object must not return other values.
  return Object(init) === init ? new Proxy({}, new ReadInit(call, init)) : init;
}

class ReadInit implements ProxyHandler<RequestInit> {
  readonly #call: FetchCall;
  readonly #init: RequestInit;

  constructor(call: FetchCall, init: RequestInit) {
    this.#call = call;
    this.#init = init;
  }

  get(_target: RequestInit, name: string | symbol): unknown {
    const value: unknown = Reflect.get(this.#init, name, this.#init);
    if (name === 'method') this.#call.method = value;
    else if (name === 'signal') this.#call.signal = value as AbortSignal;
    // `fetch` rejects what is neither absent nor an object.
    else if (name === 'dispatcher' && (value === undefined || value))
      return new HopDispatcher(this.#call.hops, value as never, this.#call.context);
    return value;
  }

  has(_target: RequestInit, name: string | symbol): boolean {
    return Reflect.has(this.#init, name);
  }
}
