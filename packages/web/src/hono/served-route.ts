import type { ServedRoute } from '@throughline/http';
import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';

/**
 * Returns the template of the route that answers, with the prefixes of the applications around it; the mount path if
 * middleware or a mounted application answers.
 *
 * Hono lists middleware among the routes. It is recognized as Hono's own `inspectRoutes` does: it takes `next`.
 */
export function servedRoute(c: Context): ServedRoute {
  const route = matchedRoutes(c)[c.req.routeIndex];
  if (route === undefined) return undefined;
  const { handler, method, path } = route;
  const passesOn = targetOf(handler).length > 1;
  const unanswered = c.finalized && c.res.status === 404;
  if (!passesOn || (method !== 'ALL' && !unanswered)) return path;
  const mount = path.replace(/\/?\*$/, '');
  return mount === '' || unanswered ? undefined : { mount };
}

interface Composed {
  readonly length: number;
  readonly __COMPOSED_HANDLER?: Composed;
}

/** Returns the handler of a sub-application that has an error handler of its own, and so wraps those of its routes. */
function targetOf(handler: Composed): Composed {
  const { __COMPOSED_HANDLER: inner } = handler;
  return inner === undefined ? handler : targetOf(inner);
}
