import { ROOT_CONTEXT } from '@opentelemetry/api';
import { runInContext } from './active-context.ts';

/**
 * Runs `fn` outside of any trace, and returns or throws what `fn` does.
 *
 * For work that outlives the request that happens to start it: timers, loops, workers, connections. What they do later
 * would belong to that one request for ever, its baggage included. No span is started; where the work is to be seen
 * beside the request, `tracedJob('refresh', fn)()` starts one and links it.
 *
 * @example
 * const timer = detached(() => setInterval(refresh, 60_000));
 */
export function detached<T>(fn: () => T): T {
  return runInContext(ROOT_CONTEXT, fn);
}
