import type { Hops } from '../fetch-call/hops.ts';
import { type DispatchTarget, dispatchedUrl } from '../undici/dispatched-url.ts';
import { observedHandler } from '../undici/observed-handler.ts';
import { headerReader } from '../undici/undici-headers.ts';

interface Dispatcher {
  /** Absent: not a mock. */
  readonly isMockActive?: unknown;
  dispatch(options: object, handler: object): boolean;
}

interface DispatchOptions extends DispatchTarget {
  readonly method: string;
  /** Absent: none. */
  readonly headers?: Readonly<Record<string, unknown>>;
}

/**
 * The dispatcher that one call of `fetch` sends its requests through. It observes each request, decides on its headers,
 * and passes it to the dispatcher that `fetch` would have used.
 *
 * Redirects, bodies and all checks are left to `fetch`.
 */
export class HopDispatcher implements Dispatcher {
  readonly #hops: Hops;
  readonly #chosen: Dispatcher | undefined;

  constructor(hops: Hops, chosen: Dispatcher | undefined) {
    this.#hops = hops;
    this.#chosen = chosen;
  }

  /** Read by `fetch`: a mock must receive bodies as the caller passed them. */
  get isMockActive(): unknown {
    const agent = this.#chosen ?? globalDispatcher(2) ?? globalDispatcher(1);
    return agent?.isMockActive;
  }

  dispatch(options: DispatchOptions, handler: object): boolean {
    // Handlers of undici 8 have other methods than earlier ones, and need the dispatcher that calls these.
    const agent = this.#chosen ?? globalDispatcher('onRequestStart' in handler ? 2 : 1);
    const url = dispatchedUrl(options);
    const headers = { ...options.headers };
    if (url !== undefined)
      this.#hops.next({ method: options.method, url, headers, header: headerReader({ ...headers }) });
    return (agent as Dispatcher).dispatch(
      { ...options, headers },
      observedHandler(handler, {
        onHead: (statusCode, header) => this.#hops.observe({ statusCode, header }),
      }),
    );
  }
}

/** Returns what undici sends through by default: version 1 of the interface up to undici 7, version 2 since. */
function globalDispatcher(version: 1 | 2): Dispatcher | undefined {
  return (globalThis as Record<symbol, unknown>)[Symbol.for(`undici.globalDispatcher.${version}`)] as
    | Dispatcher
    | undefined;
}
