/** An entry of an application's stack: a layer of Express, a middleware of Koa. */
interface Layer {
  /** Express: what was mounted. */
  readonly handle?: unknown;
  /** Express: the route of `app.get` and the like. */
  readonly route?: { readonly path: unknown } | undefined;
  /** `@koa/router`: the router whose middleware this is. */
  readonly router?: unknown;
  readonly name?: string;
}

/**
 * Returns the routes and routers that stand before `middleware` in an application's stack. Requests that they answer never
 * reach it.
 *
 * Returns none if the middleware is not in the stack itself: then it was mounted in a part of the application, on purpose.
 *
 * @internal Does not follow semantic versioning.
 * @example
 * earlierRoutes(app.router.stack, traceContext); // ['/early', 'a router']
 */
export function earlierRoutes(stack: readonly object[], middleware: unknown): string[] {
  const layers: readonly Layer[] = stack;
  const at = layers.findIndex((layer) => layer === middleware || layer.handle === middleware);
  return layers
    .slice(0, Math.max(0, at))
    .filter(isRouted)
    .map(({ route }) => (route === undefined ? 'a router' : String(route.path)));
}

function isRouted({ handle, route, router, name }: Layer): boolean {
  const mounted = handle !== undefined && (name === 'router' || name === 'mounted_app');
  return route !== undefined || router !== undefined || mounted;
}
