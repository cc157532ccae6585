import type { Scope } from '@throughline/core/seam';
import { type Finding, finding } from './finding.ts';

/** Returns TL010 or TL011: requests to these routes never reach the middleware. */
export function mountedAfterRoutes({ package: adapter, entry }: Scope, routes: readonly string[]): Finding {
  return finding(adapter === 'koa' ? 'TL011' : 'TL010', 'warning', {
    fact: `${entry} is mounted after ${routes.length} ${routes.length === 1 ? 'route' : 'routes'}: ${routes.slice(0, 5).join(', ')}.`,
    consequence: 'Requests to them are not traced.',
    fix: `Move app.use(${entry}) before all routes; to leave routes out, use options.ignore.`,
  });
}

/** Returns TL012: the hooks of an encapsulated plugin reach none of its siblings' routes. */
export function registeredWithoutRoutes(): Finding {
  return finding('TL012', 'warning', {
    fact: 'tracePlugin is registered in an encapsulated context that has no routes.',
    consequence: 'No request is traced.',
    fix: 'Register it on the root instance, or wrap the plugin that registers it in fastify-plugin.',
  });
}

/** Returns TL013: another middleware of ours already serves the request. */
export function mountedTwice(entry: string): Finding {
  return finding('TL013', 'warning', {
    fact: `${entry} got a request that another Throughline middleware already serves.`,
    consequence: 'The second only names the route, if the first does not; its options have no effect.',
    fix: 'Remove one of the two.',
  });
}

/** Returns TL020: Next traces the requests that it serves whenever an SDK is registered. */
export function servedByNext(): Finding {
  return finding('TL020', 'info', {
    fact: 'Next.js makes a SERVER span of its own for requests that are traced here.',
    consequence: 'Each has two SERVER spans in one trace, of which one is the parent of the other.',
    fix: 'Expected around a custom server. To have one span, serve what Next answers without Throughline, or use the option ignore.',
  });
}
