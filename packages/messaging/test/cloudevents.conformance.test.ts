import { AsyncLocalStorage } from 'node:async_hooks';
import { traceEmitter, traceHandler } from '@throughline/messaging/cloudevents';
import {
  defineMessagingConformance,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { FakeCloudEvent } from './fake-cloud-event.ts';

defineMessagingConformance(
  { describe, it },
  {
    name: 'cloudevents',
    sdk: sdk3,
    system: 'cloudevents',
    names: { send: 'send orders', process: 'process orders' },
    capabilities: {
      sendBatch: { reason: 'an emitter takes one event' },
      consumeBatch: { reason: 'a handler takes one event' },
      settle: { reason: 'events are not settled' },
      wrapped: { reason: 'an emitter is a function, which a spy would replace where it is kept' },
      duplicates: { reason: 'an attribute has one value' },
      letterCase: { reason: 'names of attributes are in lower case' },
    },
    connect,
  },
);

function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const waiting: FakeCloudEvent[] = [];
  let deliver = (event: FakeCloudEvent): unknown => waiting.push(event);
  let failure: Error | undefined;
  // A server calls handlers in a context of its own.
  const inServer = AsyncLocalStorage.snapshot();
  const emit = traceEmitter(async (event: FakeCloudEvent) => {
    const error = failure;
    failure = undefined;
    if (error) throw error;
    deliver(event);
  }, options);
  return {
    async send({ body, metadata }, passed) {
      const event = new FakeCloudEvent({ ...metadata, data: body });
      passed?.({ ...event });
      return emit(event);
    },
    async consume(handler, outcome) {
      const handle = traceHandler((event: FakeCloudEvent) => handler({ body: String(event.data) }), options);
      deliver = (event) =>
        setImmediate(() =>
          inServer(async () => {
            try {
              const value = await handle(event);
              outcome?.({ value });
            } catch (error) {
              outcome?.({ error });
            }
          }),
        );
      for (const event of waiting.splice(0)) deliver(event);
    },
    async plant(messages) {
      for (const { body, metadata, timestamp = Date.now() } of messages) {
        const time = new Date(timestamp).toISOString();
        // Not strict: nor are parsers of what came over the wire.
        deliver(new FakeCloudEvent({ ...metadata, data: body, time }, false));
      }
    },
    async take() {
      const event = waiting.shift();
      if (!event) throw new Error('nothing was sent');
      const { id, type, source, specversion, time, data, ...extensions } = event;
      const entries = Object.entries(extensions).map(([name, value]) => [name, [String(value)]]);
      return { body: String(data), metadata: Object.fromEntries(entries) };
    },
    failNextSend(error) {
      failure = error;
    },
  };
}
