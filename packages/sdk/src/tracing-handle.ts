import { NO_SPANS, type SpanCounts } from './export/span-export.ts';
import { flushAtProcessEnd } from './process-end/process-end.ts';
import { settledWithin } from './process-end/settled-within.ts';
import type { Metrics } from './providers/metrics.ts';
import type { Traces } from './providers/traces.ts';
import type { Tracing, TracingStatus } from './tracing.ts';

/** What was set up. Without both providers, context is only propagated. */
interface Running {
  readonly traces: Traces | undefined;
  readonly metrics: Metrics | undefined;
  /** The time limit of flush and shutdown, in milliseconds. */
  readonly timeout: number;
  readonly handlesSignals: boolean;
}

/** Returns the application's handle on what was set up, and watches for the end of the process. */
export function createTracingHandle({ traces, metrics, timeout, handlesSignals }: Running): Tracing {
  let stopping: Promise<boolean> | undefined;

  const spans = (): SpanCounts => traces?.status().spans ?? NO_SPANS;
  const lost = () => spans().failed + spans().dropped;

  /** Resolves with whether `work` was done in time, and whether no span was lost meanwhile. */
  const within = async (work: readonly unknown[]) => {
    const lostBefore = lost();
    const inTime = await settledWithin(timeout, work);
    return { inTime, complete: inTime && lost() === lostBefore };
  };
  const flush = () => within([traces?.flush(), metrics?.provider.forceFlush()]);

  const stopWatching =
    (traces ?? metrics) &&
    flushAtProcessEnd({
      flush: async () => (await flush()).inTime,
      flushSpans: async () => traces?.flush(),
      waiting: () => spans().queued + spans().exporting,
      handlesSignals,
    });

  return {
    flush: async () => (await flush()).complete,
    shutdown() {
      stopping ??= within([traces?.shutdown(), metrics?.provider.shutdown()]).then(({ complete }) => {
        const reason = new Error('cancelled by shutdown()');
        traces?.giveUp(reason);
        metrics?.giveUp(reason);
        stopWatching?.();
        return complete;
      });
      return stopping;
    },
    status(): TracingStatus {
      const status = traces?.status() ?? { state: 'propagating', failing: false, spans: NO_SPANS };
      return stopping === undefined ? status : { ...status, state: 'stopped' };
    },
  };
}
