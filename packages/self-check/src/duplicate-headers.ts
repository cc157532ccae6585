import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { guarded } from '@throughline/core/seam';
import { finding, note } from './finding.ts';

/** Where undici, and Node's `fetch` with it, shows the head of each request as it goes out. */
const CHANNEL = 'undici:client:sendHeaders';
const LOOKED_AT = 200;

let watched = false;

/** TL009: looks at the first requests that leave through undici for a second `traceparent`. */
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
    unsubscribe(CHANNEL, look);
    if (twice)
      note(
        finding('TL009', 'warning', {
          fact: 'A request left with two traceparent headers.',
          consequence: 'Its receiver takes neither, and starts a new trace.',
          fix: 'Let one of them write it: use tracedFetch, or drop traceHeaders() where an instrumentation of undici is active.',
        }),
      );
  };
  subscribe(CHANNEL, look);
}

function hasTwo(head: unknown): boolean {
  if (typeof head !== 'string') return false;
  const lines = head.match(/^traceparent:.*$/gim) ?? [];
  return lines.length > 1 || lines[0]?.includes(',') === true;
}
