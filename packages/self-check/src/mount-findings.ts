import type { Scope } from '@throughline/core/seam';
import { type Finding, finding } from './finding.ts';

/** TL010, TL011: requests to these routes never reach the middleware. */
export function mountedAfterRoutes({ package: adapter, entry }: Scope, routes: readonly string[]): Finding {
  return finding(adapter === 'koa' ? 'TL011' : 'TL010', 'warning', {
    fact: `${entry} is mounted after ${routes.length} ${routes.length === 1 ? 'route' : 'routes'}: ${routes.slice(0, 5).join(', ')}.`,
    consequence: 'Requests that they answer are not traced.',
    fix: `Move app.use(${entry}) up, before all routes; leave routes out by options.ignore.`,
  });
}

/** TL012: the hooks of an encapsulated plugin reach none of its siblings' routes. */
export function registeredWithoutRoutes(): Finding {
  return finding('TL012', 'warning', {
    fact: 'tracePlugin is registered in an encapsulated context that has no routes.',
    consequence: 'No request is traced.',
    fix: 'Register it on the root instance, or wrap the plugin that registers it in fastify-plugin.',
  });
}

/** TL013: another middleware of ours serves the request already. */
export function mountedTwice(entry: string): Finding {
  return finding('TL013', 'warning', {
    fact: `${entry} got a request that another Throughline middleware serves already.`,
    consequence: 'The second names a route at most, where the first knows none: its options have no effect.',
    fix: 'Remove one of the two.',
  });
}

/** TL020: Next traces the requests that it serves, and nothing but the SDK's absence keeps it from that. */
export function servedByNext(): Finding {
  return finding('TL020', 'info', {
    fact: 'Next.js makes a SERVER span of its own for requests that are traced here.',
    consequence: 'There are two SERVER spans for each, one below the other in one trace.',
    fix: 'Expected around a custom server. For one, serve what Next answers without Throughline, or by its option ignore.',
  });
}
