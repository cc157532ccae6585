import { reportOnce } from '@throughline/core/seam';
import { pathOfTarget, type ServedRoute } from '@throughline/http';
import { type App, stackOf } from './express-app.ts';
import { type Layer, matchMount } from './express-layer.ts';

/** A request on its way through Express's routers. */
interface RoutedRequest {
  readonly url?: string;
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  readonly app?: App;
  readonly params?: object;
  [ROUTED]?: Routed;
}

/** Where a request was when a route matched. Express restores `baseUrl` and `app` while an error or `next()` unwinds. */
interface Routed {
  /** The application that the middleware is mounted in. */
  readonly entry: App | undefined;
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
 * @example
 * traceNodeExchange(tracer, req, res, { route: () => servedRoute(req, res.statusCode) }).run(next);
 */
export function servedRoute(req: object, statusCode: number): ServedRoute {
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

/** Returns the mount paths above a route, by its place in the tree. If it has several places, the request's text decides. */
function prefixOf({ entry, app, baseUrl, path }: Routed, route: object): string {
  if (baseUrl === '') return '';
  const whole = baseUrl + path;
  const known = exactPrefix(chainsTo(route, app, false), whole, baseUrl);
  if (known !== undefined) return known;
  // It was mounted again since, or below a function that hides a router or an application.
  const found = exactPrefix(chainsTo(route, app, true), whole, baseUrl);
  if (found !== undefined) return found;
  const outer = deepest(mountsAlong(entry, whole, baseUrl));
  const inner = exactPrefix(
    chainsTo(route, app, false),
    whole.slice(outer.taken.length),
    baseUrl.slice(outer.taken.length),
  );
  return outer.template + (inner ?? (outer.taken === baseUrl ? '' : '/*'));
}

/** Layers from an application's own stack down to the one that holds a route. */
type Chain = readonly Layer[];

const chains = new WeakMap<App, WeakMap<object, readonly Chain[]>>();

function chainsTo(route: object, app: App | undefined, again: boolean): readonly Chain[] {
  if (app === undefined) return [];
  let ofApp = chains.get(app);
  if (ofApp === undefined) {
    ofApp = new WeakMap();
    chains.set(app, ofApp);
  }
  let found = again ? undefined : ofApp.get(route);
  if (found === undefined) {
    found = startsOf(app).flatMap(({ stack, below }) => findChains(route, stack, below, []));
    ofApp.set(route, found);
  }
  return found;
}

function findChains(route: object, stack: readonly Layer[], below: readonly App[], above: Chain): Chain[] {
  return stack.flatMap((layer) => {
    if (layer.route === route) return [above];
    const inner = layer.route === undefined && !above.includes(layer) ? innerOf(layer, below) : undefined;
    return inner === undefined ? [] : findChains(route, inner.stack, inner.below, [...above, layer]);
  });
}

/** Returns the prefix of the first chain that accounts for the whole `baseUrl`. */
function exactPrefix(candidates: readonly Chain[], whole: string, baseUrl: string): string | undefined {
  for (const chain of candidates) {
    let taken = 0;
    let template = '';
    for (const layer of chain) {
      const matched = matchMount(layer, whole.slice(taken) || '/');
      if (matched === undefined) {
        taken = -1;
        break;
      }
      taken += matched.text.length;
      template += matched.template;
    }
    if (taken === baseUrl.length) return template;
  }
  return undefined;
}

/** A stack of layers, with the applications below it that the request passes through. */
interface Start {
  readonly stack: readonly Layer[];
  readonly below: readonly App[];
}

/** Returns the applications around `app`, the outermost first. A mounted application can also be served by itself. */
function startsOf(app: App): Start[] {
  const apps = [app];
  for (let { parent } = app; parent !== undefined && !apps.includes(parent); { parent } = parent)
    apps.unshift(parent);
  return apps.map((start, at) => ({ stack: stackOf(start), below: apps.slice(at + 1) }));
}

/** Returns the stack that a layer leads to, if it is a router or an application whose layers can be read. */
function innerOf(layer: Layer, below: readonly App[]): Start | undefined {
  const [next, ...rest] = below;
  // `app.use(path, subApp)` hides the sub-application in a function of this name.
  if (layer.name === 'mounted_app') return next && { stack: stackOf(next), below: rest };
  if (typeof layer.handle !== 'function') return undefined;
  const { handle } = layer as { readonly handle: App & { readonly stack?: unknown; readonly set?: unknown } };
  if (Array.isArray(handle.stack)) return { stack: handle.stack, below };
  return typeof handle.set === 'function' ? { stack: stackOf(handle), below } : undefined;
}

interface Mounted {
  readonly layer: Layer | undefined;
  readonly taken: string;
  readonly template: string;
  readonly names: readonly string[];
}

const NOT_MOUNTED: Mounted = { layer: undefined, taken: '', template: '', names: [] };

/** Returns the mounts that the path `whole` passes through, none of them deeper than `limit`. */
function mountsAlong(app: App | undefined, whole: string, limit: string): Mounted[] {
  if (app === undefined) return [];
  for (const start of startsOf(app)) {
    const found = collectMounts(start, whole, limit, NOT_MOUNTED, []);
    if (deepest(found).taken !== '') return found;
  }
  return [];
}

function collectMounts(
  { stack, below }: Start,
  whole: string,
  limit: string,
  outer: Mounted,
  above: Chain,
): Mounted[] {
  return stack.flatMap((layer) => {
    if (layer.route !== undefined) return [];
    const matched = matchMount(layer, whole.slice(outer.taken.length) || '/');
    if (matched === undefined || (matched.text === '' && above.includes(layer))) return [];
    const taken = outer.taken + matched.text;
    if (!limit.startsWith(taken)) return [];
    const mounted = { layer, taken, template: outer.template + matched.template, names: matched.names };
    const inner = innerOf(layer, below);
    return inner === undefined
      ? [mounted]
      : [mounted, ...collectMounts(inner, whole, limit, mounted, [...above, layer])];
  });
}

function deepest(mounts: readonly Mounted[]): Mounted {
  return mounts.reduce(
    (best, mounted) => (mounted.taken.length < best.taken.length ? best : mounted),
    NOT_MOUNTED,
  );
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
