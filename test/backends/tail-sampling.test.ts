import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Collector, type Jaeger, startCollector, startJaeger } from './back-ends.ts';
import { describeWith } from './describe-with.ts';
import { COLLECTOR, JAEGER } from './recipes.ts';
import { startServices } from './services/start-services.ts';
import { treeOf } from './span-tree.ts';

const DEADLINE = 20_000;
let made = 0;

await describeWith([COLLECTOR, JAEGER], 'sampling whole traces in the Collector', (...programs) => {
  const [collectorProgram = '', jaegerProgram = ''] = programs;
  let jaeger: Jaeger;
  const collectors: Collector[] = [];

  beforeAll(async () => {
    jaeger = await startJaeger(jaegerProgram);
    for (let i = 0; i < 2; i++)
      collectors.push(
        await startCollector(collectorProgram, {
          jaeger: jaeger.otlp,
          config: 'collector-tail-sampling.yaml',
          env: { DECISION_WAIT: '1s', SHARE: '0' },
        }),
      );
  });

  afterAll(async () => {
    await Promise.all(collectors.map((collector) => collector.stop()));
    await jaeger?.stop();
    await Promise.all(collectors.map((collector) => collector.remove()));
  });

  /** One trace without an error, then one in which only the caller, front, sees an error. */
  async function send(collectorOf: (service: string) => Collector | undefined) {
    const services = await startServices((service) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: collectorOf(service)?.otlp,
      OTEL_METRICS_EXPORTER: 'none',
    }));
    const ask = async (path: string) => {
      const traceId = `2${(++made).toString(16).padStart(31, '0')}`;
      const answer = await fetch(`${services.front}${path}`, {
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      });
      await answer.arrayBuffer();
      return traceId;
    };
    try {
      return { fine: await ask('/stream'), missing: await ask('/missing') };
    } finally {
      await services.finish();
    }
  }

  async function treeInJaeger(traceId: string, atLeast: number) {
    const end = performance.now() + DEADLINE;
    for (;;) {
      const spans = await jaeger.spansOf(traceId);
      if (spans.length >= atLeast || performance.now() > end) return treeOf(spans);
      await delay(100);
    }
  }

  test('one Collector keeps a trace with an error whole, and drops the others whole', async () => {
    const { fine, missing } = await send(() => collectors[0]);
    expect(await treeInJaeger(missing, 3)).toEqual([
      'front SERVER GET /missing',
      ' front CLIENT GET ERROR',
      '  back SERVER GET',
    ]);
    expect(await jaeger.spansOf(fine)).toEqual([]);
  });

  test('two Collectors that each see a part tear it: the part without the error is dropped', async () => {
    const { missing } = await send((service) => collectors[service === 'front' ? 0 : 1]);
    expect(await treeInJaeger(missing, 2)).toEqual(['front SERVER GET /missing', ' front CLIENT GET ERROR']);
    // They write to their files what they keep: the second one has decided about its part by the time it has ended.
    await collectors[1]?.stop();
    const kept = (await collectors[1]?.writtenSpans()) ?? [];
    expect(kept.filter(({ traceId }) => traceId === missing)).toEqual([]);
  });
});
