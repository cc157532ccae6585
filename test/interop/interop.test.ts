import { setTimeout as delay } from 'node:timers/promises';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { startTracing } from '@throughline/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../backends/describe-with.ts';
import { type RecordedSpan, recordSpan } from '../backends/recorded-span.ts';
import { startSink } from '../backends/sink.ts';
import { BAGGAGE_CASES, QUIRKS } from './baggage-cases.ts';
import { FRAMEWORKS, type NodeService, type Relayed, startNodeService } from './node-services.ts';
import { type EndedSpan, LANGUAGES, type Peer, startPeer } from './peers.ts';

const recorded: RecordedSpan[] = [];
const recorder: SpanProcessor = {
  onStart() {},
  onEnd: (span) => void recorded.push(recordSpan(span)),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const sink = await startSink();
const tracing = startTracing({ serviceName: 'node', endpoint: sink.url, spanProcessors: [recorder] });
afterAll(async () => {
  await tracing.shutdown();
  await sink.close();
});

const CALLER = '00f067aa0ba902b7';
const TRACESTATE = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,1a-2b@vendor=x:y;z';

let made = 0;
const newTraceId = () => `a${(++made).toString(16).padStart(31, '0')}`;

/** `relay` of the first, which calls the second, and so on; the query goes to the last. */
function through(urls: readonly string[], query = ''): string {
  const [first, ...rest] = urls;
  const own = `${first}/relay`;
  return rest.length === 0 ? `${own}${query}` : `${own}?to=${encodeURIComponent(through(rest, query))}`;
}

async function send(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(20_000) });
  const first = (await answer.json()) as Relayed;
  const hops: Relayed[] = [];
  for (let hop: Relayed | undefined = first; hop; hop = hop.next) hops.push(hop);
  return { status: answer.status, hops };
}

const inNode = (traceId: string) => recorded.filter((span) => span.traceId === traceId);

/** All spans of a trace, on both sides; a SERVER span may end a moment after its response was read. */
async function spansOf(traceId: string, peers: readonly Peer[], count: number) {
  const end = performance.now() + 10_000;
  for (;;) {
    const listed = await Promise.all(peers.map((peer) => peer.spans()));
    const foreign = listed.flat().filter((span) => span.traceId === traceId);
    const own = inNode(traceId).map(asEndedSpan);
    if (own.length + foreign.length >= count || performance.now() > end) return { own, foreign };
    await delay(20);
  }
}

function asEndedSpan({ traceId, spanId, parentId, traceState = '', kind, status }: RecordedSpan): EndedSpan {
  return { traceId, spanId, ...(parentId && { parentId }), traceState, kind, error: status.code === 'ERROR' };
}

/** The spans from the first to the last, each the parent of the next: `Node SERVER > Node CLIENT > peer SERVER`. */
function chain({ own, foreign }: { own: readonly EndedSpan[]; foreign: readonly EndedSpan[] }) {
  const all = [...own, ...foreign];
  const links: string[] = [];
  let next = all.find((span) => !all.some(({ spanId }) => spanId === span.parentId));
  for (; next; next = all.find(({ parentId }) => parentId === next?.spanId))
    links.push(`${own.includes(next) ? 'Node' : 'peer'} ${next.kind}${next.error ? ' ERROR' : ''}`);
  return links.join(' > ');
}

const AROUND_PEER = 'Node SERVER > Node CLIENT > peer SERVER > peer CLIENT > Node SERVER';
const AROUND_NODE = 'peer SERVER > peer CLIENT > Node SERVER > Node CLIENT > peer SERVER';

for (const language of LANGUAGES) {
  await describeWith([language.recipe], language.name, (program = '') => {
    let peer: Peer;
    beforeAll(async () => {
      peer = await startPeer(language, program);
    });
    afterAll(() => peer?.stop());

    describe.each(FRAMEWORKS)('between two Node services on %s', (framework) => {
      let node: NodeService;
      beforeAll(async () => {
        node = await startNodeService(framework);
      });
      afterAll(() => node?.close());
      const aroundPeer = (query = '') => through([node.url, peer.url, node.url], query);
      const aroundNode = (query = '') => through([peer.url, node.url, peer.url], query);

      test('a trace that begins in Node goes on in the peer and comes back', async () => {
        const { status, hops } = await send(aroundPeer());
        expect(status).toBe(200);
        expect(hops.map(({ received }) => Object.keys(received))).toEqual([
          [],
          ['traceparent'],
          ['traceparent'],
        ]);
        const [, toPeer, toNode] = hops.map(({ received }) => received.traceparent ?? '');
        const traceId = toPeer?.slice(3, 35) ?? '';
        const spans = await spansOf(traceId, [peer], 5);
        expect(chain(spans)).toBe(AROUND_PEER);
        // The wire says the same as the spans do.
        const calls = [toPeer, toNode].map((traceparent) => traceparent?.slice(36, 52));
        const clients = [...spans.own, ...spans.foreign].filter(({ kind }) => kind === 'CLIENT');
        expect(clients.map(({ spanId }) => spanId)).toEqual(calls);
      });

      test.each([
        ['around the peer', aroundPeer, AROUND_PEER],
        ['around Node', aroundNode, AROUND_NODE],
      ])('a caller’s trace and all members of its tracestate go %s', async (_, url, expected) => {
        const traceId = newTraceId();
        const { status, hops } = await send(url(), {
          traceparent: `00-${traceId}-${CALLER}-01`,
          tracestate: TRACESTATE,
        });
        expect(status).toBe(200);
        expect(hops.map(({ received }) => received.tracestate)).toEqual(Array(3).fill(TRACESTATE));
        for (const { received } of hops) expect(received.traceparent).toMatch(`00-${traceId}-`);
        for (const { received } of hops) expect(received.traceparent).toMatch(/-0[13]$/);
        const spans = await spansOf(traceId, [peer], 5);
        expect(chain(spans)).toBe(expected);
        for (const span of [...spans.own, ...spans.foreign]) expect(span.traceState).toBe(TRACESTATE);
      });

      test.each([
        ['around the peer', aroundPeer],
        ['around Node', aroundNode],
      ])('what is not sampled is handed on %s and recorded nowhere', async (_, url) => {
        const [unsampled, sampled] = [newTraceId(), newTraceId()];
        const { hops } = await send(url(), {
          traceparent: `00-${unsampled}-${CALLER}-00`,
          tracestate: TRACESTATE,
        });
        expect(hops).toHaveLength(3);
        for (const { received } of hops) {
          expect(received.traceparent).toMatch(new RegExp(`^00-${unsampled}-[0-9a-f]{16}-0[02]$`));
          expect(received.tracestate).toBe(TRACESTATE);
        }
        // Once a later trace is complete, nothing of the earlier one can be on its way any more.
        await send(url(), { traceparent: `00-${sampled}-${CALLER}-01` });
        await spansOf(sampled, [peer], 5);
        expect(await spansOf(unsampled, [peer], 0)).toEqual({ own: [], foreign: [] });
      });

      test('an error of the last service shows on both sides', async () => {
        const traceId = newTraceId();
        const { status } = await send(aroundPeer('?fail'), {
          traceparent: `00-${traceId}-${CALLER}-01`,
        });
        expect(status).toBe(500);
        expect(chain(await spansOf(traceId, [peer], 5))).toBe(
          AROUND_PEER.replaceAll(/ (SERVER|CLIENT)/g, ' $1 ERROR'),
        );
      });
    });

    describe('baggage', () => {
      let node: NodeService;
      beforeAll(async () => {
        node = await startNodeService('Express');
      });
      afterAll(() => node?.close());

      test.each(BAGGAGE_CASES)(
        'with $name goes from Node to the peer and back',
        async ({ name, header, means }) => {
          const quirk = QUIRKS[language.name]?.[name];
          const { hops } = await send(through([node.url, peer.url, node.url]), { baggage: header });
          expect(hops.map(({ baggage }) => baggage)).toEqual([
            means,
            quirk?.reads ?? means,
            quirk?.nodeReads ?? means,
          ]);
          if (quirk) expect(hops[2]?.received.baggage).toBe(quirk.sends);
        },
      );

      test.each(BAGGAGE_CASES)(
        'with $name goes from the peer to Node and back',
        async ({ name, header, means }) => {
          const quirk = QUIRKS[language.name]?.[name];
          const { hops } = await send(through([peer.url, node.url, peer.url]), { baggage: header });
          const read = quirk?.reads ?? means;
          expect(hops.map(({ baggage }) => baggage)).toEqual([
            read,
            quirk?.nodeReads ?? means,
            quirk?.readsBack ?? read,
          ]);
        },
      );

      test('set in Node reaches the peer, whatever it holds', async () => {
        const entries = { user: 'Zoë, "the 1st"; 100 %', path: '/a/b:c@d?e', empty: '' };
        const query = `&with=${encodeURIComponent(JSON.stringify(entries))}`;
        const { hops } = await send(`${through([node.url, peer.url])}${query}`);
        expect(hops[1]?.baggage).toEqual(entries);
      });
    });
  });
}

await describeWith(
  LANGUAGES.map(({ recipe }) => recipe),
  'all languages in a row',
  (...programs) => {
    const peers: Peer[] = [];
    let node: NodeService;
    beforeAll(async () => {
      node = await startNodeService('Fastify');
      for (const [i, language] of LANGUAGES.entries())
        peers.push(await startPeer(language, programs[i] ?? ''));
    });
    afterAll(async () => {
      await node?.close();
      await Promise.all(peers.map((peer) => peer.stop()));
    });

    test('are one trace, from Node through each of them back to Node', async () => {
      const traceId = newTraceId();
      const { status, hops } = await send(through([node.url, ...peers.map(({ url }) => url), node.url]), {
        traceparent: `00-${traceId}-${CALLER}-01`,
        tracestate: TRACESTATE,
        baggage: 'tenant=acme,tier=gold',
      });
      expect(status).toBe(200);
      for (const { received, baggage } of hops) {
        expect(received.tracestate).toBe(TRACESTATE);
        expect(baggage).toEqual({ tenant: 'acme', tier: 'gold' });
      }
      const spans = await spansOf(traceId, peers, 9);
      expect(chain(spans)).toBe(
        ['Node SERVER > Node CLIENT', ...peers.map(() => 'peer SERVER > peer CLIENT'), 'Node SERVER'].join(
          ' > ',
        ),
      );
    });
  },
);
