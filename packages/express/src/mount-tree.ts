import { type App, stackOf } from './express-app.ts';
import { type Layer, matchMount } from './express-layer.ts';

/** Where in the tree of applications and routers a request is. */
export interface Place {
  /** The application that the middleware is mounted in. */
  readonly entry: App | undefined;
  readonly app: App | undefined;
  readonly baseUrl: string;
  readonly path: string;
}

/** Returns the mount paths above a route, by its place in the tree. If it has several places, the request's text decides. */
export function prefixOf({ entry, app, baseUrl, path }: Place, route: object): string {
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

/** A mount that a request passes through: what it has taken of the path up to there, and the templates of that. */
export interface Mounted {
  readonly layer: Layer | undefined;
  readonly taken: string;
  readonly template: string;
  readonly names: readonly string[];
}

const NOT_MOUNTED: Mounted = { layer: undefined, taken: '', template: '', names: [] };

/** Returns the mounts that the path `whole` passes through, none of them deeper than `limit`. */
export function mountsAlong(app: App | undefined, whole: string, limit: string): Mounted[] {
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

/** Returns the mount that takes most of the path. */
export function deepest(mounts: readonly Mounted[]): Mounted {
  return mounts.reduce(
    (best, mounted) => (mounted.taken.length < best.taken.length ? best : mounted),
    NOT_MOUNTED,
  );
}
