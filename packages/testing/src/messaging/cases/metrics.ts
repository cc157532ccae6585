import assert from 'node:assert/strict';
import { within } from '../../kit/deadline.ts';
import { createGate } from '../../kit/gate.ts';
import { DURATION_BUCKETS } from '../../kit/metric-points.ts';
import type { MessagingCase, MessagingWorld } from '../messaging-case.ts';

const MANY_DESTINATIONS = 1_500;
/** A thousand names where administrators make the destinations, and one series for the rest. */
const MOST_NAMES = 1_001;

/** The attributes that measurements may have; others would make an unbounded number of time series. */
const CONVENTIONAL: ReadonlySet<string> = new Set([
  'messaging.system.name',
  'messaging.operation.name',
  'messaging.operation.type',
  'messaging.destination.name',
  'messaging.destination.template',
  'messaging.destination.partition.id',
  'messaging.destination.subscription.name',
  'messaging.consumer.group.name',
  'server.address',
  'server.port',
  'error.type',
]);

/** Asserts one histogram: the duration of `count` operations together is at most the time since `startedAt`. */
async function assertDuration(
  world: MessagingWorld,
  name: string,
  count: number,
  startedAt: number,
): Promise<void> {
  const [point, ...others] = await world.metric(name);
  assert.deepEqual(others, [], `one time series of ${name}`);
  assert.equal(point?.count, count);
  assert.equal(point.unit, 's');
  assert.deepEqual(point.boundaries, DURATION_BUCKETS);
  const elapsed = (performance.now() - startedAt) / 1000;
  assert.ok(point.sum > 0 && point.sum <= elapsed, `at most ${elapsed} seconds, got ${point.sum}`);
  assertAttributes(world, point.attributes);
}

async function assertCount(world: MessagingWorld, name: string, count: number): Promise<void> {
  const [point, ...others] = await world.metric(name);
  assert.deepEqual(others, [], `one time series of ${name}`);
  assert.equal(point?.count, count);
  assert.equal(point.unit, '{message}');
  assertAttributes(world, point.attributes);
}

function assertAttributes(world: MessagingWorld, attributes: object): void {
  const found = attributes as Record<string, unknown>;
  assert.equal(found['messaging.system.name'], world.options.system);
  assert.equal(typeof found['messaging.operation.name'], 'string');
  assert.deepEqual(
    Object.keys(found).filter((key) => !CONVENTIONAL.has(key)),
    [],
  );
}

export const messagingMetricCases: readonly MessagingCase[] = [
  {
    name: 'counts the messages sent and measures the sends, by the conventions',
    needs: ['metrics'],
    async run(world) {
      const startedAt = performance.now();
      for (const body of ['a', 'b']) {
        await world.send(body);
        await world.span('send');
        await world.take();
      }
      await assertCount(world, 'messaging.client.sent.messages', 2);
      await assertDuration(world, 'messaging.client.operation.duration', 2, startedAt);
    },
  },
  {
    name: 'names spans and splits measurements by a bounded number of destinations',
    needs: ['metrics'],
    traceOptions() {
      let destinations = 0;
      return { destinationTemplate: () => `destination ${destinations++}` };
    },
    async run(world) {
      const names = new Set<string>();
      for (let sent = 0; sent < MANY_DESTINATIONS; sent += 1) {
        await world.send('a');
        names.add((await world.span('send')).name);
        await world.take();
      }
      const series = await world.metric('messaging.client.sent.messages');
      assert.ok(names.size <= MOST_NAMES, `at most ${MOST_NAMES} names of spans, got ${names.size}`);
      assert.ok(series.length <= MOST_NAMES, `at most ${MOST_NAMES} time series, got ${series.length}`);
    },
  },
  {
    name: 'counts each message of a batch sent',
    needs: ['metrics', 'sendBatch'],
    async run(world) {
      const startedAt = performance.now();
      await world.client.sendBatch?.([{ body: 'a' }, { body: 'b' }]);
      for (const _ of ['a', 'b']) {
        await world.span('create');
        await world.take();
      }
      await world.span('send');
      await assertCount(world, 'messaging.client.sent.messages', 2);
      await assertDuration(world, 'messaging.client.operation.duration', 1, startedAt);
    },
  },
  {
    name: 'counts the messages consumed and measures their handlers, by the conventions',
    needs: ['metrics'],
    async run(world) {
      const startedAt = performance.now();
      await world.consume();
      for (const body of ['a', 'b']) {
        await world.client.plant([{ body }]);
        await world.handled();
        await world.span('process');
      }
      await assertCount(world, 'messaging.client.consumed.messages', 2);
      await assertDuration(world, 'messaging.process.duration', 2, startedAt);
    },
  },
  {
    name: 'counts each message of a batch consumed once',
    needs: ['metrics', 'consumeBatch'],
    async run(world) {
      const startedAt = performance.now();
      await world.client.consumeBatch?.(async (messages, process) => {
        for (const message of messages) await process(message, () => world.note(message));
      });
      await world.client.plant([{ body: 'a' }, { body: 'b' }]);
      for (const _ of ['a', 'b']) {
        await world.handled();
        await world.span('process');
      }
      await world.span('receive');
      await assertCount(world, 'messaging.client.consumed.messages', 2);
      await assertDuration(world, 'messaging.process.duration', 2, startedAt);
    },
  },
  {
    name: 'gives the measurement of a failed handler the same error.type as its span',
    needs: ['metrics', 'outcome'],
    async run(world) {
      const done = createGate();
      await world.client.consume(
        () => Promise.reject(new RangeError('planted')),
        () => done.open(),
      );
      await world.client.plant([{ body: 'a' }]);
      await within(done.passed, () => 'the client to hear of the error');
      await world.span('process');
      const [point] = await world.metric('messaging.process.duration');
      assert.equal(point?.attributes['error.type'], 'RangeError');
    },
  },
];
