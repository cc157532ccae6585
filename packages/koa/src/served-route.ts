import { reportOnce } from '@throughline/core/seam';
import { pathOfTarget, type ServedRoute } from '@throughline/http';

/** Koa's context, with the properties that `@koa/router` and `koa-mount` set. */
interface KoaContext {
  readonly path?: string;
  readonly originalUrl?: string;
  readonly status?: number;
  mountPath?: string;
  _matchedRoute?: string | RegExp | undefined;
  /** The router's layers that matched, with its own middleware, which has no methods. */
  readonly matched?: readonly { readonly path?: unknown; readonly methods?: readonly string[] }[];
  [MOUNTED]?: MountedState;
}

interface MountedState {
  /** The templates of the prefixes that mounts have cut off, by the prefixes' text. Absent: nothing was mounted. */
  templates: Map<string, string> | undefined;
  /** The value that was set last, which routers and mounts read again. */
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
 * Both write to the context and restore the path afterwards. Accessors on the context itself see these writes.
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
  const { mountPath, _matchedRoute: matched } = context;
  const state = { templates: undefined, mountPath, matched, mount: undefined, route: undefined };
  context[MOUNTED] = state;
  if (mountPath !== undefined) noteEarlierMount(context, state, mountPath);
  // One by one: for several at once, the engine makes a list of lists first.
  Object.defineProperty(context, 'mountPath', WATCHED.mountPath);
  Object.defineProperty(context, '_matchedRoute', WATCHED._matchedRoute);
}

/** Of the mounts before this middleware, only the path of the last is known. */
function noteEarlierMount(context: KoaContext, state: MountedState, mountPath: string): void {
  const cut = cutOff(context);
  if (cut === '') return;
  state.templates = new Map([[cut, cut === mountPath.replace(/\/$/, '') ? cut : `/*${mountPath}`]]);
}

/** One set of descriptors for all requests: closures of their own would cost each of them. */
const WATCHED: Record<'mountPath' | '_matchedRoute', PropertyDescriptor> & ThisType<KoaContext> = {
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
      const outer = cutOff(this);
      const own = value.replace(/\/$/, '');
      state.templates ??= new Map();
      state.mount = (outer === '' ? '' : (state.templates.get(outer) ?? '/*')) + own;
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
      // The router's middleware replaces the route's path by its own, and may answer.
      if (value === undefined || (state.route !== undefined && isMiddleware(this, value))) return;
      const prefix = state.templates?.get(cutOff(this)) ?? '';
      const path = String(value);
      state.route = path === '/' && prefix !== '' ? prefix : prefix + path;
    },
  },
};

/**
 * Returns the whole template of the route that `@koa/router` matched, or `{ mount }` with the last mount path that the request
 * entered. Koa does not show which handler answered below it, so a 404 has none.
 *
 * @example
 * traceNodeExchange(tracer, ctx.req, ctx.res, { route: servedRoute }, ctx).run(next);
 */
export function servedRoute(ctx: object): ServedRoute {
  const { [MOUNTED]: state, status } = ctx as KoaContext;
  if (state === undefined) return undefined;
  const { route, mount } = state;
  return route ?? (mount === undefined || status === 404 ? undefined : { mount });
}

function isMiddleware({ matched = [] }: KoaContext, path: unknown): boolean {
  let found = false;
  for (const layer of matched) {
    if (layer.path !== path) continue;
    if (layer.methods?.length !== 0) return false;
    found = true;
  }
  return found;
}

/** Returns what mounts have cut off the front of the path as received; an empty text if the path was rewritten. */
function cutOff({ originalUrl, path = '' }: KoaContext): string {
  const whole = pathOfTarget(originalUrl);
  if (path === '/') return whole.replace(/\/$/, '');
  return whole.endsWith(path) ? whole.slice(0, whole.length - path.length).replace(/\/$/, '') : '';
}
