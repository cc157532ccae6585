import { type Context, trace } from '@opentelemetry/api';
import {
  callerOf,
  guarded,
  isIgnoredRequest,
  isTracingSuppressed,
  passesTraceOn,
  registeredApi,
  sharedByCopies,
} from '@throughline/core/seam';
import { finding, note } from './finding.ts';

/**
 * State that servers write, by counting requests, and clients read.
 *
 * @internal Does not follow semantic versioning.
 */
export const callsWithoutParent = sharedByCopies('calls', () => ({
  /** `true` from the first request in development until a call was found. While it is `false`, reading it is the only cost. */
  watching: false,
  found: false,
  requestsInProgress: 0,
}));

/**
 * Notes an outgoing call outside of any trace while requests are being served (TL014).
 *
 * It may be a job of the service's own, which belongs to no request; only the developer knows.
 *
 * @internal Does not follow semantic versioning.
 * @param entry The function that was called. The finding names its caller.
 */
export function noteCall(active: Context, entry: (...args: never[]) => unknown): void {
  guarded('a self-check failed', () => {
    const { requestsInProgress } = callsWithoutParent;
    if (requestsInProgress <= 0 || registeredApi().trace === undefined || isExplained(active)) return;
    callsWithoutParent.watching = false;
    callsWithoutParent.found = true;
    note(
      finding('TL014', 'info', {
        fact: `${entry.name} ran outside of any trace while requests were in progress (${requestsInProgress}), ${callerOf(entry) ?? 'at a place without a stack'}.`,
        consequence: 'If one of them caused it, it is missing from the trace of that request.',
        fix: 'Bind what makes the call where you pass it on, with @throughline/workers: bindCallback(callback), bindEmitter(emitter).on(event, listener), bindIterable(generator()). docs/boundaries.md says which libraries need it.',
      }),
    );
  });
}

/** Returns whether the context belongs to a request, or to a call that is not to be traced. */
function isExplained(active: Context): boolean {
  return (
    trace.getSpan(active) !== undefined ||
    passesTraceOn(active) ||
    isIgnoredRequest(active) ||
    isTracingSuppressed(active)
  );
}
