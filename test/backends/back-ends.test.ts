import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Collector,
  type Jaeger,
  startCollector,
  startJaeger,
  startZipkin,
  type Zipkin,
} from './back-ends.ts';
import { locate } from './cached-builds.ts';
import { describeWith, testWith } from './describe-with.ts';
import { COLLECTOR, JAEGER, ZIPKIN } from './recipes.ts';
import type { RecordedSpan } from './recorded-span.ts';
import { type Services, startServices } from './services/start-services.ts';
import { treeOf } from './span-tree.ts';
import { asZipkinSpan, type ZipkinSpan } from './zipkin-spans.ts';

/** Milliseconds: five chunks, 10 ms apart; a timer may be a little early. */
const STREAM_LASTS = 40;
/** Milliseconds by which two processes' clocks may disagree. */
const CLOCKS_DIFFER = 10;
const BUSY_REQUESTS = 300;
const AT_THE_SAME_TIME = 20;
/** What Jaeger adds to spans of which it finds the times odd, as it may with clocks of several processes. */
const JAEGER_NOTES = '@jaeger@warnings';

/** As a Kubernetes manifest tells them. */
const POD = { 'k8s.pod.name': 'shop-7d4f', 'k8s.namespace.name': 'shop', 'service.instance.id': '5f0a' };
const CALLER = { spanId: '00f067aa0ba902b7', state: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' };
const TRACES = {
  plain: '10000000000000000000000000000001',
  moved: '10000000000000000000000000000002',
  failing: '10000000000000000000000000000003',
  stream: '10000000000000000000000000000004',
  hanging: '10000000000000000000000000000005',
  unsampled: '10000000000000000000000000000006',
  outside: '10000000000000000000000000000007',
} as const;

function fromCaller(trace: keyof typeof TRACES, flags = '01') {
  return { traceparent: `00-${TRACES[trace]}-${CALLER.spanId}-${flags}`, tracestate: CALLER.state };
}

/** One request of each kind, and then many at once. Everything that is compared below comes from this. */
async function sendTraffic({ front, edge }: Services) {
  const ask = async (url: string, headers?: Record<string, string>) => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(20_000), ...(headers && { headers }) });
    return { status: answer.status, body: await answer.text() };
  };
  const answers = {
    plain: await ask(`${front}/items/1`, fromCaller('plain')),
    moved: await ask(`${front}/moved`, fromCaller('moved')),
    failing: await ask(`${front}/failing`, fromCaller('failing')),
    stream: await ask(`${front}/stream`, fromCaller('stream')),
    unsampled: await ask(`${front}/items/2`, fromCaller('unsampled', '00')),
    outside: await ask(`${edge}/outside`, fromCaller('outside')),
  };

  await leaveInTheMiddle(`${front}/hanging`);

  const busy: number[] = [];
  for (let i = 0; i < BUSY_REQUESTS; i += AT_THE_SAME_TIME) {
    const batch = Array.from({ length: AT_THE_SAME_TIME }, (_, n) => ask(`${front}/items/${i + n}`));
    busy.push(...(await Promise.all(batch)).map(({ status }) => status));
  }
  return { ...answers, busy };
}

/** Asks, reads the first bytes of the answer, and is gone. */
async function leaveInTheMiddle(url: string) {
  const request = get(url, { headers: fromCaller('hanging'), agent: false });
  const [response] = await once(request, 'response');
  await once(response, 'data');
  request.destroy();
}

const zipkinServer = await locate(ZIPKIN);

await describeWith([COLLECTOR, JAEGER], 'three services and what they export', async (...programs) => {
  const [collectorProgram = '', jaegerProgram = ''] = programs;
  let jaeger: Jaeger | undefined;
  let zipkin: Zipkin | undefined;
  let collector: Collector | undefined;
  let services: Services | undefined;
  let answers: Awaited<ReturnType<typeof sendTraffic>>;
  let recorded: RecordedSpan[];

  beforeAll(async () => {
    [jaeger, zipkin] = await Promise.all([
      startJaeger(jaegerProgram),
      'path' in zipkinServer ? startZipkin(zipkinServer.path) : undefined,
    ]);
    collector = await startCollector(collectorProgram, { jaeger: jaeger.otlp });
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlp,
      OTEL_RESOURCE_ATTRIBUTES: Object.entries(POD)
        .map((pair) => pair.join('='))
        .join(),
      ZIPKIN_URL: zipkin?.url,
    };
    services = await startServices(() => env);
    answers = await sendTraffic(services);
    recorded = await services.finish();
    // It ends only after everything has been passed on: what is missing in Jaeger now will not come any more.
    await collector.stop();
  });

  afterAll(async () => {
    services?.kill();
    await Promise.all([collector?.stop(), jaeger?.stop(), zipkin?.stop()]);
    await collector?.remove();
  });

  const ofTrace = (traceId: string) => recorded.filter((span) => span.traceId === traceId);
  const traceIds = () => [...new Set(recorded.map((span) => span.traceId))];

  test('the services answered as they should', () => {
    expect(answers).toMatchObject({
      plain: { status: 200 },
      moved: { status: 200 },
      failing: { status: 500 },
      stream: { status: 200, body: 'chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n' },
      unsampled: { status: 200 },
      outside: { status: 200 },
    });
    expect(answers.busy).toEqual(Array(BUSY_REQUESTS).fill(200));
  });

  const ITEM = [
    'front SERVER GET /items/:id',
    ' front CLIENT GET',
    '  back SERVER GET /items/:id',
    '   back CONSUMER process stock',
    '   back INTERNAL look up OK',
    '   back PRODUCER publish stock ERROR: queue is full',
  ];
  test.each<[keyof typeof TRACES, readonly string[]]>([
    ['plain', ITEM],
    ['moved', ['front SERVER GET /moved', ' front CLIENT GET', '  back SERVER GET /moved', ...ITEM.slice(1)]],
    [
      'failing',
      ['front SERVER GET /failing ERROR', ' front CLIENT GET ERROR', '  back SERVER GET /failing ERROR'],
    ],
    ['stream', ['front SERVER GET /stream', ' front CLIENT GET', '  back SERVER GET /stream']],
    ['unsampled', []],
    ['outside', []],
  ])('the services recorded the trace of the request "%s"', (request, tree) => {
    expect(treeOf(ofTrace(TRACES[request]))).toEqual(tree);
  });

  test('a streamed response is part of both SERVER spans to its last chunk', () => {
    for (const span of ofTrace(TRACES.stream).filter(({ kind }) => kind === 'SERVER'))
      expect(millisecondsBetween(span.start, span.end)).toBeGreaterThan(STREAM_LASTS);
  });

  test('no span begins before its parent', () => {
    const byId = new Map(recorded.map((span) => [span.spanId, span]));
    for (const span of recorded) {
      const parent = byId.get(span.parentId ?? '');
      if (!parent) continue;
      const sameClock = parent.resource['service.name'] === span.resource['service.name'];
      const ahead = millisecondsBetween(span.start, parent.start);
      expect(ahead).toBeLessThanOrEqual(sameClock ? 0 : CLOCKS_DIFFER);
    }
  });

  test('every span says where it comes from, as the environment does', () => {
    for (const span of recorded) expect(span.resource).toMatchObject(POD);
  });

  test('every span with a caller carries the caller’s tracestate', () => {
    const continued = recorded.filter((span) => Object.values<string>(TRACES).includes(span.traceId));
    expect(continued.length).toBeGreaterThan(0);
    expect(new Set(continued.map((span) => span.traceState))).toEqual(new Set([CALLER.state]));
  });

  test('a request from outside begins a trace of its own, with a link to the caller’s', () => {
    const [border, ...others] = recorded.filter((span) => span.resource['service.name'] === 'edge');
    expect(border).toMatchObject({
      kind: 'CLIENT',
      attributes: { 'http.response.status_code': 200 },
    });
    expect(others).toMatchObject([
      {
        kind: 'SERVER',
        links: [{ traceId: TRACES.outside, spanId: CALLER.spanId }],
        attributes: { 'throughline.extract': 'untrusted' },
      },
    ]);
    expect(others[0]).not.toHaveProperty('parentId');
  });

  test('a client that leaves ends all spans of its request', () => {
    const trace = ofTrace(TRACES.hanging);
    expect(treeOf(trace).map((line) => line.replace(/ ERROR.*/, ''))).toEqual([
      'front SERVER GET /hanging',
      ' front CLIENT GET',
      '  back SERVER GET /hanging',
    ]);
    for (const span of trace.filter(({ kind }) => kind === 'SERVER'))
      expect(span.attributes).toMatchObject({ 'error.type': 'client_disconnected' });
  });

  test('the Collector wrote every span once, exactly as it ended', async () => {
    expect(sorted((await collector?.writtenSpans()) ?? [])).toEqual(sorted(recorded));
  });

  test('Jaeger returns every span once, exactly as it ended', async () => {
    for (const traceId of traceIds()) {
      const found = (await jaeger?.spansOf(traceId)) ?? [];
      expect(sorted(found.map(withoutNotes))).toEqual(sorted(ofTrace(traceId)));
    }
  });

  await testWith(ZIPKIN, 'Zipkin returns every span once, with all that its format holds', async () => {
    for (const traceId of traceIds()) {
      const expected = ofTrace(traceId).map(asZipkinSpan);
      const found = await zipkinSpans(zipkin, traceId, expected.length);
      expect(byId(found)).toEqual(byId(expected));
    }
  });

  test('what was not sampled is nowhere', async () => {
    const written = (await collector?.writtenSpans()) ?? [];
    for (const traceId of [TRACES.unsampled, TRACES.outside]) {
      expect(written.filter((span) => span.traceId === traceId)).toEqual([]);
      expect(await jaeger?.spansOf(traceId)).toEqual([]);
      expect((await zipkin?.spansOf(traceId)) ?? []).toEqual([]);
    }
  });
});

function millisecondsBetween(from: string, to: string): number {
  return Number(BigInt(to) - BigInt(from)) / 1e6;
}

function sorted(spans: readonly RecordedSpan[]): RecordedSpan[] {
  return spans.toSorted((a, b) => a.spanId.localeCompare(b.spanId));
}

function byId(spans: readonly ZipkinSpan[]): ZipkinSpan[] {
  return spans.toSorted((a, b) => a.id.localeCompare(b.id));
}

/** Jaeger may say that a child began before its parent; it must have nothing else to remark. */
function withoutNotes(span: RecordedSpan): RecordedSpan {
  const { [JAEGER_NOTES]: notes, ...attributes } = span.attributes;
  for (const note of (notes as string[] | undefined) ?? [])
    expect(note).toMatch(/^clock skew adjustment disabled|^parent span ID=\w+ is not in the trace/);
  return { ...span, attributes };
}

/** Zipkin takes spans in before it stores them. */
async function zipkinSpans(zipkin: Zipkin | undefined, traceId: string, count: number) {
  const end = performance.now() + 10_000;
  for (;;) {
    const found = (await zipkin?.spansOf(traceId)) ?? [];
    if (found.length >= count || performance.now() > end) return found;
    await delay(50);
  }
}
