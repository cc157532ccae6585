import assert from 'node:assert/strict';
import { trace } from '@opentelemetry/api';
import type { RecordedSpan } from '../../kit/recorded-span.ts';
import { assertLinks, assertParent, assertRoot } from '../../kit/trace-assertions.ts';
import { REMOTE, traceparentOf } from '../../kit/traceparent.ts';
import type { MessagingCase, MessagingWorld } from '../messaging-case.ts';
import type { MessagingTraceOptions } from '../messaging-conformance-options.ts';

const METADATA = { traceparent: traceparentOf(), baggage: 'tenant=blue' };

/** Plants one message, waits until it is handled, and takes its span. */
async function processed(
  world: MessagingWorld,
  timestamp?: number,
  baggage: 'kept' | 'dropped' = 'kept',
): Promise<RecordedSpan> {
  await world.consume();
  await world.client.plant([
    { body: 'a', metadata: METADATA, ...(timestamp === undefined ? {} : { timestamp }) },
  ]);
  const { tenant } = await world.handled();
  assert.equal(tenant, baggage === 'kept' ? 'blue' : undefined, `the baggage is ${baggage}`);
  return world.span('process');
}

function related(
  name: string,
  traceOptions: MessagingTraceOptions,
  parent: boolean,
  link: boolean,
  baggage: 'kept' | 'dropped' = 'kept',
): MessagingCase {
  return {
    name,
    traceOptions: () => traceOptions,
    async run(world) {
      const span = await processed(world, undefined, baggage);
      if (parent) assertParent(span, REMOTE);
      else assertRoot(span);
      assertLinks(span, link ? [REMOTE] : []);
    },
  };
}

export const relationCases: readonly MessagingCase[] = [
  related('continues the trace of the message and links to it, by default', {}, true, true),
  related(
    'continues the trace of the message without a link, with relation parent',
    { relation: 'parent' },
    true,
    false,
  ),
  related(
    'continues the trace of the message and links to it, with relation both',
    { relation: 'both' },
    true,
    true,
  ),
  related(
    'starts a trace that links to the message and drops its baggage, with relation link',
    { relation: 'link' },
    false,
    true,
    'dropped',
  ),
  related(
    'starts a trace that links to the message and keeps its baggage, with relation link and trust',
    { relation: 'link', trust: 'continue' },
    false,
    true,
  ),
  related(
    'starts a trace that links to the message and drops its baggage, asked to restart',
    { trust: 'restart' },
    false,
    true,
    'dropped',
  ),
  related('takes nothing of the message, asked to ignore it', { trust: 'ignore' }, false, false, 'dropped'),
  related(
    'continues the trace of the message without its baggage, as a function decides',
    { trust: () => ({ parent: 'continue', baggage: 'drop' }) },
    true,
    true,
    'dropped',
  ),
  {
    name: 'starts a trace that links to the message when it is older than maxAge',
    needs: ['timestamps'],
    traceOptions: () => ({ maxAge: 60_000 }),
    async run(world) {
      const span = await processed(world, Date.now() - 3_600_000);
      assertRoot(span);
      assertLinks(span, [REMOTE]);
    },
  },
  {
    name: 'continues the trace of the message when it is younger than maxAge',
    needs: ['timestamps'],
    traceOptions: () => ({ maxAge: 60_000 }),
    async run(world) {
      assertParent(await processed(world, Date.now() - 5_000), REMOTE);
    },
  },
  {
    name: 'puts no message into the trace of the subscriber',
    async run(world) {
      const [, subscriber] = await world.inSpan(() => world.consume());
      await world.client.plant([{ body: 'a' }, { body: 'b', metadata: METADATA }]);
      for (const _ of ['a', 'b']) {
        const { body, last } = await world.handled();
        assert.notEqual(last?.traceId, subscriber.spanContext().traceId);
        const span = await world.span('process');
        assertLinks(span, body === 'a' ? [] : [REMOTE]);
        assert.notEqual(span.parentSpanContext?.spanId, subscriber.spanContext().spanId);
      }
      assert.equal(trace.getActiveSpan(), undefined);
    },
  },
];
