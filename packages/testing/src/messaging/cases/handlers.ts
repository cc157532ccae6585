import assert from 'node:assert/strict';
import { within } from '../../kit/deadline.ts';
import { createGate } from '../../kit/gate.ts';
import { assertErrorType } from '../../kit/trace-assertions.ts';
import type { MessagingCase } from '../messaging-case.ts';
import type { HandlerOutcome } from '../messaging-client-under-test.ts';

class Refused extends Error {
  override readonly name = 'Refused';
}

/** Returns a case in which the handler fails: the client gets the same error, and the span reports it. */
function failing(how: string, fail: (error: Error) => unknown): MessagingCase {
  return {
    name: `hands on the very error of a handler that ${how}, and marks its span`,
    needs: ['outcome'],
    async run(world) {
      const error = new Refused('planted');
      const done = createGate();
      const outcomes: HandlerOutcome[] = [];
      await world.client.consume(
        () => fail(error),
        (outcome) => {
          outcomes.push(outcome);
          done.open();
        },
      );
      await world.client.plant([{ body: 'a' }]);
      await within(done.passed, () => 'the client to hear of the error');
      assert.equal(outcomes.length, 1);
      assert.ok('error' in (outcomes[0] ?? {}) && (outcomes[0] as { error: unknown }).error === error);
      const span = await world.span('process');
      assertErrorType(span, 'Refused');
      assert.deepEqual(
        span.events.map(({ name }) => name),
        ['exception'],
      );
    },
  };
}

export const handlerCases: readonly MessagingCase[] = [
  {
    name: 'calls the handler once and hands on what it returns',
    needs: ['outcome'],
    async run(world) {
      const outcomes: HandlerOutcome[] = [];
      const done = createGate();
      await world.client.consume(
        (message) => world.note(message),
        (outcome) => {
          outcomes.push(outcome);
          done.open();
        },
      );
      await world.client.plant([{ body: 'a' }]);
      await world.handled();
      await within(done.passed, () => 'the client to hear of the result');
      assert.deepEqual(outcomes, [{ value: 'handled a' }]);
      assertErrorType(await world.span('process'), undefined);
    },
  },
  {
    name: 'keeps the span open until what the handler returns has settled',
    async run(world) {
      const gate = createGate();
      const called = createGate();
      await world.client.consume(async (message) => {
        called.open();
        await gate.passed;
        return world.note(message);
      });
      await world.client.plant([{ body: 'a' }]);
      await within(called.passed, () => 'the handler to be called');
      await new Promise((next) => setImmediate(next));
      assert.equal(world.spans.open().length, 1, 'the span is open while the handler works');
      gate.open();
      await world.handled();
      await world.span('process');
    },
  },
  failing('throws', (error) => {
    throw error;
  }),
  failing('rejects', async (error) => {
    await new Promise((next) => setImmediate(next));
    throw error;
  }),
  {
    name: 'records no secret that the error of a handler quotes',
    needs: ['outcome'],
    async run(world) {
      const message = 'cannot reach amqp://user:S3CRET@broker/?token=S3CRET with Bearer S3CRET';
      const error = new Refused(message, { cause: new Error(message) });
      const done = createGate();
      await world.client.consume(
        () => {
          throw error;
        },
        () => done.open(),
      );
      await world.client.plant([{ body: 'a' }]);
      await within(done.passed, () => 'the client to hear of the error');
      const { events, status } = await world.span('process');
      assert.match(String(events[0]?.attributes?.['exception.message']), /^cannot reach amqp:/);
      assert.doesNotMatch(JSON.stringify([events, status]), /S3CRET/);
      assert.equal(error.message, message, 'the error itself is not touched');
    },
  },
];
