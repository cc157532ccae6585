/** What routers of Express's kind leave on a request while they pass it down. */
interface RoutedRequest {
  baseUrl?: string | undefined;
  params?: { readonly [name: string]: unknown };
  route?: { readonly path: unknown } | undefined;
  [MOUNTS]?: MountState;
}

/** Where in the tree of routers a request is, in templates instead of the request's own text. */
interface MountState {
  /** Absent before the first router and after the last. */
  baseUrl: string | undefined;
  route: RoutedRequest['route'];
  /** The template of each prefix that a router has cut off, by the prefix as requested. */
  readonly templates: Map<string, string>;
  /** The last route that matched, mount prefix included. */
  matched: string | undefined;
}

/** Registered, so that a second copy of this package shares the state instead of replacing the accessors. */
const MOUNTS = Symbol.for('throughline.mounts');

/** A mount path without parameters shows its text only; beyond this many it must hold something variable. */
const MAX_TEMPLATES = 500;

/**
 * Follows a request through routers that cut their mount path off, so that {@link matchedRoute} knows the whole
 * template: `/tenants/:tenantId/users/:id`, never the tenant's id.
 *
 * Such routers announce themselves by assigning `baseUrl` (the prefix as requested), `params` and `route`.
 * Accessors on the prototype of the application's requests see the assignments as they happen. Reading the same
 * properties at the end is too late: they are put back while an error or `next()` unwinds.
 *
 * The accessors go onto the prototype that an application makes for its own requests (`app.request` in Express),
 * once for each. A request without such a prototype is left alone.
 *
 * @example
 * watchMounts(req); // before the routers see it
 */
export function watchMounts(req: object): void {
  const prototype = applicationPrototype(req);
  if (prototype === undefined) return;
  if (!(MOUNTS in prototype)) {
    Object.defineProperty(prototype, MOUNTS, { value: undefined, writable: true });
    Object.defineProperty(prototype, 'baseUrl', { configurable: true, get: baseUrl, set: enterMount });
    Object.defineProperty(prototype, 'route', { configurable: true, get: route, set: createRouteSetter() });
  }
  if (Object.hasOwn(req, 'baseUrl') || Object.hasOwn(req, 'route')) unhideAccessors(req);
}

/** Of the outermost application: the requests of those mounted in it inherit from its own. */
function applicationPrototype(req: object): object | undefined {
  let found: object | undefined;
  for (
    let at = Object.getPrototypeOf(req);
    at !== null && Object.hasOwn(at, 'app');
    at = Object.getPrototypeOf(at)
  )
    found = at;
  return found;
}

/**
 * What was assigned before the accessors were in reach hides them. That happens to the requests that are under way
 * when the first one is seen; of a prefix that was cut off before, they know the text only, and it is left out.
 */
function unhideAccessors(req: RoutedRequest): void {
  const { baseUrl, route } = req;
  delete req.baseUrl;
  delete req.route;
  const state = stateOf(req);
  state.baseUrl = baseUrl;
  state.templates.set(baseUrl ?? '', '');
  req.route = route;
}

/**
 * The template of the route that took the request, mount prefix included. Absent: none matched.
 *
 * @example
 * traceNodeExchange(tracer, req, res, { route: () => matchedRoute(req) }).run(next);
 */
export function matchedRoute(req: object): string | undefined {
  return (req as RoutedRequest)[MOUNTS]?.matched;
}

function stateOf(req: RoutedRequest): MountState {
  const state = req[MOUNTS] ?? {
    baseUrl: undefined,
    route: undefined,
    templates: new Map(),
    matched: undefined,
  };
  req[MOUNTS] = state;
  return state;
}

function baseUrl(this: RoutedRequest) {
  return this[MOUNTS]?.baseUrl;
}

function route(this: RoutedRequest) {
  return this[MOUNTS]?.route;
}

function enterMount(this: RoutedRequest, value: string | undefined): void {
  const state = stateOf(this);
  const outer = state.baseUrl ?? '';
  if (value !== undefined && value.length > outer.length && value.startsWith(outer)) {
    const prefix = templateOf(value.slice(outer.length), this.params);
    state.templates.set(value, (state.templates.get(outer) ?? '') + prefix);
  }
  state.baseUrl = value;
}

function createRouteSetter() {
  const seen = new Set<string>();
  return function enterRoute(this: RoutedRequest, value: RoutedRequest['route']): void {
    const state = stateOf(this);
    state.route = value;
    if (value === undefined) return;
    const path = String(value.path);
    const prefix = state.templates.get(state.baseUrl ?? '') ?? '';
    const template = path === '/' && prefix !== '' ? prefix : prefix + path;
    if (seen.size < MAX_TEMPLATES) seen.add(template);
    state.matched = seen.has(template) ? template : path;
  };
}

/**
 * A mount path's template, told from the text that it matched and the parameters that came out.
 *
 * From right to left, because static words stand in front of the parameter that they announce.
 *
 * @example
 * templateOf('/tenants/acme', { tenant: 'acme' }); // '/tenants/:tenant'
 */
export function templateOf(text: string, params: { readonly [name: string]: unknown } = {}): string {
  const segments = text.split('/');
  let end = segments.length;
  for (const [name, value] of Object.entries(params).reverse()) {
    const parts = (Array.isArray(value) ? value : [value]).map(String);
    const at = lastRun(segments, parts, end);
    if (at === -1) continue;
    segments.splice(at, parts.length, Array.isArray(value) ? `*${name}` : `:${name}`);
    end = at;
  }
  return segments.join('/');
}

/** Where `parts` stand as whole segments, last, before `end`. */
function lastRun(segments: readonly string[], parts: readonly string[], end: number): number {
  for (let at = end - parts.length; at > 0; at--)
    if (parts.every((part, offset) => isSegment(segments[at + offset], part))) return at;
  return -1;
}

/** Parameters are decoded, the mount path's text is not. */
function isSegment(segment: string | undefined, part: string): boolean {
  return segment === part || segment === encodeURIComponent(part);
}
