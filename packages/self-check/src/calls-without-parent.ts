import { type Context, trace } from '@opentelemetry/api';
import {
  callerOf,
  guarded,
  isIgnoredRequest,
  isTracingSuppressed,
  passesTraceOn,
  registeredApi,
  shared,
} from '@throughline/core/seam';
import { finding, note } from './finding.ts';

/**
 * Shared by servers, which count, and clients, which look.
 *
 * @internal Does not follow semantic versioning.
 */
export const callsWithoutParent = shared('calls', () => ({
  /** From the first request in development until one was found: the only cost for a call, when it is `false`. */
  watching: false,
  found: false,
  requestsInProgress: 0,
}));

/**
 * TL014: notes an outgoing call with no trace to belong to, while requests are being served.
 *
 * It may be a job of the service's own, which belongs to none; only the developer knows.
 *
 * @internal Does not follow semantic versioning.
 * @param entry The function that was called: what called it is named in the finding.
 */
export function noteCall(active: Context, entry: (...args: never[]) => unknown): void {
  guarded('a self-check failed', () => {
    const { requestsInProgress } = callsWithoutParent;
    if (requestsInProgress <= 0 || registeredApi().trace === undefined || isExplained(active)) return;
    callsWithoutParent.watching = false;
    callsWithoutParent.found = true;
    note(
      finding('TL014', 'info', {
        fact: `${entry.name} ran outside of any trace while requests were in progress (${requestsInProgress}), ${callerOf(entry) ?? 'at a place that has no stack'}.`,
        consequence: 'If it was done for one of them, it is missing in its trace.',
        fix: 'Bind the callback that makes the call where it is handed over: AsyncResource.bind(callback).',
      }),
    );
  });
}

/** Whether the context is one of a request, or of a call that is not to be traced. */
function isExplained(active: Context): boolean {
  return (
    trace.getSpan(active) !== undefined ||
    passesTraceOn(active) ||
    isIgnoredRequest(active) ||
    isTracingSuppressed(active)
  );
}
