import type { Context } from '@opentelemetry/api';
import { carrierGetter, runInContext } from '@throughline/core';
import type { Hops } from '../fetch-call/hops.ts';
import { type DispatchTarget, dispatchedUrl } from '../undici/dispatched-url.ts';
import { firstValue } from '../undici/undici-headers.ts';
import { type FetchHandler, observeHead } from './observe-head.ts';

interface Dispatcher {
  /** Absent: not a mock. */
  readonly isMockActive?: unknown;
  dispatch(options: object, handler: object): boolean;
}

interface DispatchOptions extends DispatchTarget {
  readonly method: string;
  /** Absent: none. */
  headers?: Readonly<Record<string, unknown>>;
}

/**
 * The dispatcher that one call of `fetch` sends its requests through. It observes each request, decides on its headers,
 * and passes it to the dispatcher that `fetch` would have used.
 *
 * Redirects, bodies and all checks are left to `fetch`, which makes options and handler for each request; so both are
 * changed in place.
 */
export class HopDispatcher implements Dispatcher {
  readonly #hops: Hops;
  readonly #chosen: Dispatcher | undefined;
  readonly #context: Context;

  /** @param context The context to send in. */
  constructor(hops: Hops, chosen: Dispatcher | undefined, context: Context) {
    this.#hops = hops;
    this.#chosen = chosen;
    this.#context = context;
  }

  /** Read by `fetch`: a mock must receive bodies as the caller passed them. */
  get isMockActive(): unknown {
    const agent = this.#chosen ?? globalDispatcher(V2) ?? globalDispatcher(V1);
    return agent?.isMockActive;
  }

  dispatch(options: DispatchOptions, handler: FetchHandler): boolean {
    // Handlers of undici 8 have other methods than earlier ones, and need the dispatcher that calls these.
    const agent = (this.#chosen ?? globalDispatcher('onRequestStart' in handler ? V2 : V1)) as Dispatcher;
    const url = dispatchedUrl(options);
    if (url !== undefined) {
      const own = options.headers;
      const headers = { ...own };
      options.headers = headers;
      const header = (name: string) => firstValue(carrierGetter.get(own, name));
      this.#hops.next({ method: options.method, url, headers, header });
      observeHead(handler, this.#hops);
    }
    return runInContext(this.#context, () => agent.dispatch(options, handler));
  }
}

/** What undici sends through by default: version 1 of the interface up to undici 7, version 2 since. */
const V1 = Symbol.for('undici.globalDispatcher.1');
const V2 = Symbol.for('undici.globalDispatcher.2');

function globalDispatcher(version: symbol): Dispatcher | undefined {
  return (globalThis as Record<symbol, unknown>)[version] as Dispatcher | undefined;
}
