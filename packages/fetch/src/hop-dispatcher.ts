import { type DispatchTarget, dispatchedUrl } from './dispatched-url.ts';
import type { Hops } from './hops.ts';
import { headerReader, observedHandler } from './observed-handler.ts';

interface Dispatcher {
  readonly isMockActive?: unknown;
  dispatch(options: object, handler: object): boolean;
}

interface DispatchOptions extends DispatchTarget {
  readonly method: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/**
 * The dispatcher that one call of `fetch` sends its requests through: it hears each of them, decides on its
 * headers, and hands it to the dispatcher that `fetch` would have used.
 *
 * Redirects, bodies and all checks stay with `fetch`.
 */
export class HopDispatcher implements Dispatcher {
  readonly #hops: Hops;
  readonly #chosen: Dispatcher | undefined;

  constructor(hops: Hops, chosen: Dispatcher | undefined) {
    this.#hops = hops;
    this.#chosen = chosen;
  }

  /** `fetch` asks: what mocks bodies wants them as the caller gave them. */
  get isMockActive(): unknown {
    const agent = this.#chosen ?? globalDispatcher(2) ?? globalDispatcher(1);
    return agent?.isMockActive;
  }

  dispatch(options: DispatchOptions, handler: object): boolean {
    // Handlers of undici 8 have methods of their own, and go to the dispatcher that understands them.
    const agent = this.#chosen ?? globalDispatcher('onRequestStart' in handler ? 2 : 1);
    const url = dispatchedUrl(options);
    const headers = { ...options.headers };
    if (url !== undefined)
      this.#hops.next({ method: options.method, url, headers, header: headerReader({ ...headers }) });
    return (agent as Dispatcher).dispatch(
      { ...options, headers },
      observedHandler(handler, {
        onHead: (statusCode, header) => this.#hops.heard({ statusCode, header }),
      }),
    );
  }
}

/** What undici sends through by default: version 1 of the interface up to undici 7, version 2 since. */
function globalDispatcher(version: 1 | 2): Dispatcher | undefined {
  return (globalThis as Record<symbol, unknown>)[Symbol.for(`undici.globalDispatcher.${version}`)] as
    | Dispatcher
    | undefined;
}
