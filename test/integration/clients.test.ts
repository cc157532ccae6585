import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { ClientUnderTest, PlantedCase } from './client.ts';
import { type Handled, Participant, type SeenSpan } from './participant.ts';
import { type RunningService, type Service, urlVariable } from './services/service.ts';

const CLIENTS = readdirSync(join(import.meta.dirname, 'clients'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => basename(file, '.ts'));

/** What stands in a message instead of metadata of ours. */
const PLANTED: Readonly<Record<PlantedCase | 'missing', Record<string, string>>> = {
  missing: {},
  malformed: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-xyz-01' },
  foreign: { b3: '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1' },
  oversized: { traceparent: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-${'a'.repeat(10_000)}` },
};

for (const name of CLIENTS) {
  const { default: client } = (await import(`./clients/${name}.ts`)) as { default: ClientUnderTest };
  const service = ((await import(`./services/${client.service}.ts`)) as Record<string, Service>)[
    client.service.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  ] as Service;
  const shared = process.env[urlVariable(service)];
  const missing =
    shared === undefined ? (service.missing() ?? `${urlVariable(service)} is not set`) : client.missing?.();

  /** Registers a case; one that cannot run says why in its title. */
  function test(
    title: string,
    lack: string | false | undefined,
    body: (context: TestContext) => Promise<void>,
  ) {
    if (missing !== undefined) it.skip(title, body);
    else if (lack) it.skip(`${title} (skipped: ${lack})`, body);
    else it(title, body);
  }

  describe(`${name}${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
    let producer: Participant;
    let consumer: Participant;
    let destination = '';
    let caller = '';
    let traceId = '';
    let order = 0;

    beforeAll(async () => {
      if (missing === undefined) await connectAll(shared as string);
    });

    /** Two processes of this client, connected. */
    async function connectAll(url: string): Promise<void> {
      [producer, consumer] = await Promise.all([Participant.start(name), Participant.start(name)]);
      await Promise.all([producer, consumer].map((each) => each.ask({ do: 'connect', url })));
    }

    afterAll(async () => {
      await Promise.all([producer?.stop(), consumer?.stop()]);
    });

    afterEach(async () => {
      expect(await producer?.ask({ do: 'openSpans' })).toBe(0);
      expect(await consumer?.ask({ do: 'openSpans' })).toBe(0);
    });

    /** Starts a case on a destination of its own, with a caller of its own. */
    async function consume(...failing: string[]): Promise<void> {
      for (const each of [producer, consumer]) each.forget();
      destination = `tl-${name}-${++order}-${randomBytes(3).toString('hex')}`;
      newCaller('01');
      await consumer.ask({ do: 'consume', destination, failing });
    }

    function newCaller(flags: '00' | '01'): void {
      traceId = randomBytes(16).toString('hex');
      caller = `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`;
    }

    const send = (bodies: readonly string[], batch = false) =>
      producer.ask({ do: 'send', destination, bodies, traceparent: caller, batch });

    /** The handlers' reports and the spans of their messages, both in the order of the attempts. */
    async function processed(count: number): Promise<{ handled: Handled[]; spans: SeenSpan[] }> {
      const ofHandlers = () => consumer.spans.filter(({ kind }) => kind === 'CONSUMER');
      await consumer.until(`${count} messages`, () => consumer.handled.length >= count);
      const { handled } = consumer;
      await consumer.until(
        'the spans of the handlers',
        () => handled.filter(({ sampled }) => sampled).length <= ofHandlers().length,
      );
      return {
        handled,
        spans: handled.map(({ spanId }) => ofHandlers().find((span) => span.spanId === spanId) as SeenSpan),
      };
    }

    /** The span whose context the message carries, and that it belongs to the caller's trace. */
    function creationOf({ parentId, links }: SeenSpan): SeenSpan {
      const created = producer.spans.filter(({ kind }) => kind === 'PRODUCER');
      const at = created.find(({ spanId }) =>
        client.linksOnly === undefined ? spanId === parentId : links.some((link) => link.spanId === spanId),
      );
      expect(at, `a PRODUCER span that is ${parentId}, or linked by it`).toBeDefined();
      expect(at?.traceId).toBe(traceId);
      return at as SeenSpan;
    }

    test('is one connected trace, with baggage, and stays active in the handler', undefined, async () => {
      await consume();
      const callerId = await send(['one']);
      const { handled, spans } = await processed(1);
      const [span] = spans as [SeenSpan];
      expect(creationOf(span).parentId).toBe(callerId);
      if (client.linksOnly === undefined) expect(span.traceId).toBe(traceId);
      expect(span.error).toBe(false);
      expect(handled[0]).toMatchObject({ body: 'one', kept: true, tenant: 'acme' });
    });

    test('names the broker on the spans of a message, where the client knows it', undefined, async () => {
      await consume();
      // The second: some clients know their broker once they have called it.
      await send(['first']);
      await processed(1);
      await send(['second']);
      const { spans } = await processed(2);
      const creations = producer.spans.filter(({ kind }) => kind === 'PRODUCER');
      const known = {
        send: creations.at(-1)?.attributes['server.port'] !== undefined,
        process: spans.at(-1)?.attributes['server.port'] !== undefined,
      };
      expect(known).toEqual({ send: true, process: true, ...client.brokerUnknown });
    });

    test('carries an unsampled context and records nothing of it', undefined, async () => {
      await consume();
      newCaller('00');
      await send(['unsampled']);
      const { handled } = await processed(1);
      expect(handled[0]).toMatchObject({ traceId, sampled: false, tenant: 'acme' });
      const recorded = [...producer.spans, ...consumer.spans].filter((span) => span.traceId === traceId);
      expect(recorded).toEqual([]);
    });

    test(
      'gives each message of a batch a context of its own',
      !client.batches && 'no call of the client gives several messages contexts of their own',
      async () => {
        await consume();
        await send(['a', 'b', 'c'], true);
        const { handled, spans } = await processed(3);
        expect(handled.map(({ body }) => body).toSorted()).toEqual(['a', 'b', 'c']);
        expect(new Set(spans.map((span) => creationOf(span).spanId)).size).toBe(3);
      },
    );

    for (const [planted, metadata] of Object.entries(PLANTED)) {
      const cannot = client.cannotCarry?.[planted as PlantedCase];
      const title = `processes a message with ${planted} metadata in a new trace`;
      test(title, cannot, async () => {
        await consume();
        await producer.ask({ do: 'sendBare', destination, body: planted, metadata });
        const { handled, spans } = await processed(1);
        const [span] = spans as [SeenSpan];
        expect(handled[0]).toMatchObject({ body: planted, kept: true });
        expect(span.traceId).not.toBe('0af7651916cd43dd8448eb211c80319c');
        expect(span.links).toEqual([]);
      });
    }

    test(
      'traces each delivery of a message once',
      !client.redelivers && 'a message is delivered once',
      async () => {
        await consume('again');
        await send(['again']);
        const { handled, spans } = await processed(2);
        expect(handled.map(({ attempt }) => attempt)).toEqual([1, 2]);
        const [first, second] = spans as [SeenSpan, SeenSpan];
        expect(second.spanId).not.toBe(first.spanId);
        expect(creationOf(second).spanId).toBe(creationOf(first).spanId);
        expect(consumer.spans.filter(({ kind }) => kind === 'CONSUMER')).toHaveLength(2);
      },
    );

    test(
      'loses nothing and doubles nothing when the broker restarts',
      !client.durable && 'messages do not outlive the broker',
      async ({ skip }) => {
        const broker: RunningService = await service.start();
        await Promise.all([producer.stop(), consumer.stop()]);
        try {
          skip(!broker.durable, `${broker.description} keeps nothing over a restart`);
          await connectAll(broker.url);
          await consume();
          await send(['before']);
          await processed(1);
          await consumer.ask({ do: 'disconnect' });
          await send(['kept']);
          await producer.ask({ do: 'disconnect' });
          await broker.restart();
          for (const each of [producer, consumer]) await each.ask({ do: 'connect', url: broker.url });
          await consumer.ask({ do: 'consume', destination, failing: [] });
          await send(['after']);
          const { handled, spans } = await processed(3);
          expect(handled.map(({ body }) => body).toSorted()).toEqual(['after', 'before', 'kept']);
          expect(new Set(spans.map((span) => creationOf(span).spanId)).size).toBe(3);
          expect(consumer.spans.filter(({ kind }) => kind === 'CONSUMER')).toHaveLength(3);
        } finally {
          await Promise.all([producer.stop(), consumer.stop()]);
          await broker.stop();
          if (shared !== undefined) await connectAll(shared);
        }
      },
    );
  });
}
