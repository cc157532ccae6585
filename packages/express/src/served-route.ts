import { reportOnce } from '@throughline/core/seam';
import { pathOfTarget, type ServedRoute } from '@throughline/http';
import type { App } from './express-app.ts';
import type { Layer } from './express-layer.ts';
import { deepest, mountsAlong, type Place, prefixOf } from './mount-tree.ts';

/** A request on its way through Express's routers. */
interface RoutedRequest {
  readonly url?: string;
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  readonly app?: App;
  readonly params?: object;
  readonly res?: { readonly statusCode: number };
  [ROUTED]?: Routed;
}

/** Where a request was when a route matched. Express restores `baseUrl` and `app` while an error or `next()` unwinds. */
interface Routed extends Place {
  route: { readonly path: unknown } | undefined;
  app: App | undefined;
  baseUrl: string;
  path: string;
}

/** Registered, so that a second copy of this package shares the state instead of replacing the accessor. */
const ROUTED = Symbol.for('throughline.routed');

/**
 * Notes where each route matches, so that {@link servedRoute} can name it when the response is over.
 *
 * An accessor on the request itself sees routers assign `route`. No prototype is touched, and a request that passes through
 * an application of another copy of Express is seen, too.
 *
 * @example
 * watchRoute(req); // before the routers see it
 */
export function watchRoute(req: object): void {
  const routed = req as RoutedRequest & { route?: Routed['route'] };
  try {
    if (routed[ROUTED] !== undefined) return;
    const { app: entry, route } = routed;
    routed[ROUTED] = { entry, route: undefined, app: undefined, baseUrl: '', path: '' };
    Object.defineProperty(req, 'route', ROUTE);
    if (route !== undefined) routed.route = route;
  } catch (error) {
    reportOnce('the routes of a request cannot be watched', error);
  }
}

/** One descriptor for all requests: closures of their own would cost each of them. */
const ROUTE: PropertyDescriptor & ThisType<RoutedRequest> = {
  configurable: true,
  enumerable: true,
  get() {
    return this[ROUTED]?.route;
  },
  set(value: Routed['route']) {
    const routed = this[ROUTED];
    if (routed === undefined) return;
    routed.route = value;
    if (value === undefined) return;
    routed.app = this.app;
    routed.baseUrl = this.baseUrl ?? '';
    routed.path = pathOfTarget(this.url);
  },
};

/**
 * Returns the template of the last route that matched, or `{ mount }` with that of the deepest mount path whose handler
 * answered.
 *
 * Templates come from the application's own layers, never from the request's text, which only decides between them. So
 * there are no more templates than the application has.
 *
 * @param statusCode Default: the status of the response that Express keeps on the request.
 * @example
 * traceNodeExchange(tracer, req, res, { route: servedRoute }, req).run(next);
 */
export function servedRoute(
  req: object,
  statusCode = (req as RoutedRequest).res?.statusCode ?? 0,
): ServedRoute {
  const request = req as RoutedRequest;
  const routed = request[ROUTED];
  if (routed === undefined) return undefined;
  const baseUrl = request.baseUrl ?? '';
  if (routed.route === undefined || !routed.baseUrl.startsWith(baseUrl)) {
    const mount = answeringMount(request, routed, baseUrl, statusCode);
    if (mount !== undefined) return { mount };
  }
  return routed.route && templateOfRoute(routed, routed.route);
}

function templateOfRoute(routed: Routed, route: { readonly path: unknown }): string {
  const prefix = prefixOf(routed, route);
  const path = String(route.path);
  return path === '/' && prefix !== '' ? prefix : prefix + path;
}

/**
 * Returns the mount path of the handler that answered, if that was no route.
 *
 * A request that has come back out of all mounts was answered by no handler below them, like a 404: it has none. But an error
 * comes back out, too: for a 5xx, it is the deepest mount that the path leads to.
 */
function answeringMount(
  request: RoutedRequest,
  routed: Routed,
  baseUrl: string,
  statusCode: number,
): string | undefined {
  if (baseUrl === '') {
    if (statusCode < 500 || routed.route !== undefined) return undefined;
    const path = pathOfTarget(request.originalUrl);
    return (
      deepest(mountsAlong(routed.entry, path, path).filter(({ layer }) => !isErrorHandler(layer))).template ||
      undefined
    );
  }
  const whole = baseUrl + pathOfTarget(request.url);
  const mounts = mountsAlong(request.app, whole, baseUrl);
  const held = mounts.filter(({ taken }) => taken === baseUrl);
  // An error handler answers for the route that failed.
  if (routed.route !== undefined && held.some(({ layer }) => isErrorHandler(layer))) return undefined;
  const names = Object.keys(request.params ?? {})
    .sort()
    .join();
  const answering = held.find((mounted) => [...mounted.names].sort().join() === names) ?? held[0];
  if (answering !== undefined) return answering.template || undefined;
  const outer = deepest(mounts.length > 0 ? mounts : mountsAlong(routed.entry, whole, baseUrl));
  return outer.template === '' ? undefined : outer.template;
}

function isErrorHandler(layer: Layer | undefined): boolean {
  return typeof layer?.handle === 'function' && layer.handle.length > 3;
}
