import { reportOnce } from '@throughline/core/seam';
import { pathOfTarget, type ServedRoute } from '@throughline/http';

/** Koa's context, as `@koa/router` and `koa-mount` leave their marks on it. */
interface KoaContext {
  readonly path?: string;
  readonly originalUrl?: string;
  readonly status?: number;
  mountPath?: string;
  _matchedRoute?: string | RegExp | undefined;
  /** Of the router: what matched, its own middleware included, which has no methods. */
  readonly matched?: readonly { readonly path?: unknown; readonly methods?: readonly string[] }[];
  [MOUNTED]?: MountedState;
}

interface MountedState {
  /** The whole path as received. */
  readonly whole: string;
  /** Templates of the prefixes that mounts have cut off, by their text. */
  readonly templates: Map<string, string>;
  /** What was set last, as the routers and mounts expect to find it. */
  mountPath: string | undefined;
  matched: KoaContext['_matchedRoute'];
  mount: string | undefined;
  route: string | undefined;
}

/** Registered, so that a second copy of this package shares the state. */
const MOUNTED = Symbol.for('throughline.mounted');

/**
 * Notes where `koa-mount` cuts a prefix off and where `@koa/router` matches, for {@link servedRoute}.
 *
 * Both write to the context, and the path is put back afterwards. Accessors on the context itself see it happen.
 *
 * @example
 * watchRoute(ctx); // before mounts and routers see it
 */
export function watchRoute(ctx: object): void {
  try {
    watch(ctx as KoaContext);
  } catch (error) {
    reportOnce('the routes of a request cannot be watched', error);
  }
}

function watch(context: KoaContext): void {
  if (context[MOUNTED] !== undefined) return;
  const { mountPath, _matchedRoute: matched, path = '' } = context;
  const whole = pathOfTarget(context.originalUrl);
  const templates = new Map([['', '']]);
  const state: MountedState = { whole, templates, mountPath, matched, mount: undefined, route: undefined };
  context[MOUNTED] = state;
  const cut = cutOff(whole, path);
  // Mounted already: of several mounts only the last one's path is known.
  if (mountPath !== undefined && cut !== '')
    templates.set(cut, cut === mountPath.replace(/\/$/, '') ? cut : `/*${mountPath}`);
  Object.defineProperties(context, WATCHED);
}

/** One set of descriptors for all requests: closures of their own would cost each of them. */
const WATCHED: PropertyDescriptorMap & ThisType<KoaContext> = {
  mountPath: {
    configurable: true,
    enumerable: true,
    get() {
      return this[MOUNTED]?.mountPath;
    },
    set(value: string) {
      const state = this[MOUNTED];
      if (state === undefined) return;
      state.mountPath = value;
      if (typeof value !== 'string') return;
      const outer = cutOff(state.whole, this.path ?? '');
      const own = value.replace(/\/$/, '');
      state.mount = (state.templates.get(outer) ?? '/*') + own;
      state.templates.set(outer + own, state.mount);
    },
  },
  _matchedRoute: {
    configurable: true,
    enumerable: true,
    get() {
      return this[MOUNTED]?.matched;
    },
    set(value: KoaContext['_matchedRoute']) {
      const state = this[MOUNTED];
      if (state === undefined) return;
      state.matched = value;
      // The router's middleware puts its own path in the place of the route's, and may answer there.
      if (value === undefined || (state.route !== undefined && isMiddleware(this, value))) return;
      const prefix = state.templates.get(cutOff(state.whole, this.path ?? '')) ?? '';
      const path = String(value);
      state.route = path === '/' && prefix !== '' ? prefix : prefix + path;
    },
  },
};

/**
 * The whole template of the route that `@koa/router` matched, or `{ mount }` of the last mount path that the request
 * went into. Koa does not show who answered below it, so a 404 has none.
 *
 * @example
 * traceNodeExchange(tracer, ctx.req, ctx.res, { route: () => servedRoute(ctx) }).run(next);
 */
export function servedRoute(ctx: object): ServedRoute {
  const { [MOUNTED]: state, status } = ctx as KoaContext;
  if (state === undefined) return undefined;
  const { route, mount } = state;
  return route ?? (mount === undefined || status === 404 ? undefined : { mount });
}

function isMiddleware({ matched = [] }: KoaContext, path: unknown): boolean {
  const layers = matched.filter((layer) => layer.path === path);
  return layers.length > 0 && layers.every(({ methods }) => methods?.length === 0);
}

/** What mounts have taken from the front of `whole`; empty where the path was rewritten. */
function cutOff(whole: string, path: string): string {
  if (path === '/') return whole.replace(/\/$/, '');
  return whole.endsWith(path) ? whole.slice(0, whole.length - path.length).replace(/\/$/, '') : '';
}
