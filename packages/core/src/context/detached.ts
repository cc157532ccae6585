import { ROOT_CONTEXT } from '@opentelemetry/api';
import { runInContext } from './active-context.ts';

/**
 * Runs `fn` outside of the active trace, if any, and returns or throws what `fn` does.
 *
 * Use it for work that outlives the request that happens to start it: timers, loops, workers, connections. Their later
 * work would otherwise belong to that one request for ever and carry its baggage. No span is started. To see the work
 * beside the request, use `tracedJob('refresh', fn)()`, which starts a span and links it.
 *
 * @example
 * const timer = detached(() => setInterval(refresh, 60_000));
 */
export function detached<T>(fn: () => T): T {
  return runInContext(ROOT_CONTEXT, fn);
}
