import { CALLS } from './combinations.ts';
import { CALLER, type Observation, type SeenSpan, type SentCalls } from './observe.ts';
import type { Peer } from './peers.ts';

/** What the table says of one service beside one peer, and what is wrong with it. */
export interface Verdict {
  readonly servers: string;
  readonly parent: string;
  /** By the name of the call. */
  readonly headers: ReadonlyMap<string, string>;
  readonly codes: string;
  readonly faults: readonly string[];
}

/** Judges what was observed: one trace per request, and one `traceparent` per call that belongs to it. */
export function judge(peer: Peer, { spans, begun, continued, codes }: Observation): Verdict {
  const faults: string[] = [];
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const servers = spans.filter(({ server }) => server);
  /** The nearest SERVER span above, if any. */
  const serverAbove = (span: SeenSpan | undefined): SeenSpan | undefined => {
    const parent = span?.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId);
    return parent?.server === true ? parent : parent && serverAbove(parent);
  };
  const uppermost = servers.filter((span) => serverAbove(span) === undefined);
  const records = servers.length > 0;
  if (records && uppermost.length !== 2)
    faults.push(`${uppermost.length} SERVER spans without one above, of 2 requests`);

  const continuing = uppermost.filter(({ parentSpanId }) => parentSpanId === CALLER.spanId);
  if (records && peer.continues !== false && continuing.length !== 1)
    faults.push(`${continuing.length} SERVER spans have the caller's as parent`);
  if (continuing.some(({ traceId }) => traceId !== CALLER.traceId))
    faults.push("the caller's span in another trace");

  const headers = new Map<string, string>();
  for (const name of CALLS) {
    const said = new Set(
      [begun, continued].map((calls, index) => {
        const header = headerOf(calls, name);
        if (header === 'its span' && !uppermost.some((span) => span.traceId === traceOf(calls, name)))
          faults.push(`${name}: in a trace without a SERVER span`);
        const doubled = peer.doubles?.calls.includes(name) === true;
        const expected = peer.writes === false ? (index === 0 ? 'none' : "the caller's") : 'its span';
        if (header !== (doubled ? 'two' : expected)) faults.push(`${name}: ${header}, not ${expected}`);
        return header;
      }),
    );
    headers.set(name, [...said].filter((word) => word !== 'none').join(', ') || 'none');
  }
  for (const code of codes) if (['TL005', 'TL012'].includes(code)) faults.push(`${code} was raised`);

  const nested = servers.length - uppermost.length;
  return {
    servers: !records ? 'none' : nested === 0 ? '1' : '2, ours below theirs',
    parent: !records ? '' : continuing.length === 1 ? "the caller's" : 'none',
    headers,
    codes: codes.join(', '),
    faults,
  };

  function traceOf(calls: SentCalls, name: string): string | undefined {
    return calls.get(name)?.[0]?.split('-')[1];
  }

  /** Whose span a call names, if it names one alone. */
  function headerOf(calls: SentCalls, name: string): string {
    const sent = calls.get(name) ?? [];
    if (sent.length > 1) return 'two';
    const [, traceId, spanId = ''] = sent[0]?.split('-') ?? [];
    if (traceId === undefined) return 'none';
    if (spanId === CALLER.spanId) return "the caller's";
    const named = byId.get(spanId);
    if (named?.traceId !== traceId) return 'an unknown span';
    return named.server || serverAbove(named) !== undefined ? 'its span' : 'a span below no SERVER span';
  }
}
