import assert from 'node:assert/strict';
import { context, propagation, trace } from '@opentelemetry/api';
import { createConnections } from '../kit/connections.ts';
import { within } from '../kit/deadline.ts';
import { withResolvers } from '../kit/gate.ts';
import { runStagedCase, type Scene } from '../kit/run-staged-case.ts';
import type { CaseWorld } from '../kit/staged-case.ts';
import type { Handled, MessagingCase, MessagingWorld } from './messaging-case.ts';
import type { MessagingConformanceOptions } from './messaging-conformance-options.ts';

/** Runs one case against a client of its own. */
export function runMessagingCase(one: MessagingCase, options: MessagingConformanceOptions): Promise<void> {
  return runStagedCase(one, options, (base) => createScene(one, options, base));
}

function createScene(
  one: MessagingCase,
  options: MessagingConformanceOptions,
  base: CaseWorld,
): Scene<MessagingWorld> {
  const { connect, first, closeAll } = createConnections(options);
  const inbox: Handled[] = [];
  let arrived = withResolvers<void>();

  const world: MessagingWorld = {
    ...base,
    options,
    get client() {
      return first();
    },
    connect,
    send: (body, metadata) =>
      within(world.client.send({ body, ...(metadata && { metadata }) }), () => 'the send to finish'),
    take: () => within(world.client.take(), () => 'a message on the wire'),
    async consume() {
      await world.client.consume((message) => world.note(message));
    },
    async handled() {
      while (inbox.length === 0) await within(arrived.promise, () => 'a handler to be done');
      return inbox.shift() as Handled;
    },
    async note({ body }) {
      const first = trace.getSpanContext(context.active());
      await new Promise((next) => setImmediate(next));
      await new Promise((next) => setTimeout(next, 1));
      const last = trace.getSpanContext(context.active());
      const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value;
      inbox.push({ body, first, last, tenant });
      arrived.resolve();
      arrived = withResolvers();
      return `handled ${body}`;
    },
    span: (type) => base.spans.take(({ attributes }) => attributes['messaging.operation.type'] === type),
  };
  return {
    world,
    async open() {
      await connect(one.traceOptions?.(world) ?? {});
    },
    close: closeAll,
    assertClean: () =>
      assert.deepEqual(inbox, [], 'messages handled that no assertion took: a handler ran more than once'),
  };
}
