import { channels, guarded } from '@throughline/core/seam';
import { finding, note } from './finding.ts';

/** The channel on which undici, and with it Node's `fetch`, shows the head of each request that it sends. */
const CHANNEL = 'undici:client:sendHeaders';
const LOOKED_AT = 200;

let watched = false;

/** Examines the first requests that undici sends, and reports one with a second `traceparent` (TL009). */
export function watchDuplicateHeaders(): void {
  if (watched) return;
  watched = true;
  let requests = 0;
  const look = (message: unknown) => {
    const twice = guarded(
      'a self-check failed',
      () => hasTwo((message as { headers?: unknown }).headers),
      false,
    );
    if (!twice && ++requests < LOOKED_AT) return;
    channels?.unsubscribe(CHANNEL, look);
    if (twice)
      note(
        finding('TL009', 'warning', {
          fact: 'A request left with two traceparent headers.',
          consequence: 'Its receiver accepts neither and starts a new trace.',
          fix: 'Let only one writer add it: use tracedFetch, or leave traceHeaders() out where an instrumentation of undici is active.',
        }),
      );
  };
  channels?.subscribe(CHANNEL, look);
}

function hasTwo(head: unknown): boolean {
  if (typeof head !== 'string') return false;
  const lines = head.match(/^traceparent:.*$/gim) ?? [];
  return lines.length > 1 || lines[0]?.includes(',') === true;
}
