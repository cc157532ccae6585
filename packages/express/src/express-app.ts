import type { Layer } from './express-layer.ts';

/** An application of Express, in all of its versions. */
export interface App {
  readonly parent?: App;
  /** Express 4. */
  readonly _router?: { readonly stack: readonly Layer[] };
  readonly router?: { readonly stack: readonly Layer[] };
  readonly lazyrouter?: unknown;
}

/** Returns the layers of an application. */
export function stackOf(app: object): readonly Layer[] {
  const { _router, lazyrouter } = app as App;
  // Express 4 throws when it is asked for `router`.
  return _router?.stack ?? (lazyrouter === undefined ? (app as App).router?.stack : undefined) ?? [];
}
