import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import {
  createMessagingTracer,
  headersCodec,
  type Message,
  type MessageHeaders,
} from '@throughline/messaging';
import {
  defineMessagingConformance,
  type HandlerOutcome,
  type MessageToHandle,
  type MessageToSend,
  type MessagingClientUnderTest,
  type MessagingTraceOptions,
} from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../../test/conformance/sdk3.ts';

interface Stored {
  readonly body: string;
  readonly headers: MessageHeaders | undefined;
  readonly timestamp?: number | undefined;
}

/** The verbs over a queue in memory, joined as a client module joins them to its client. */
function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const tracer = createMessagingTracer({ system: 'memory', codec: headersCodec }, options);
  const queue: Stored[] = [];
  let dispatch: ((messages: readonly Stored[]) => void) | undefined;
  let failure: Error | undefined;

  const outgoing = ({ metadata }: MessageToSend) => ({ destination: 'things', carrier: metadata });
  const incoming = ({ headers, timestamp }: Stored): Message<MessageHeaders> => ({
    destination: 'things',
    carrier: headers,
    timestamp,
  });
  const put = (messages: readonly Stored[]) => (dispatch ? dispatch(messages) : queue.push(...messages));
  const handle = (message: Stored): MessageToHandle => ({
    body: message.body,
    settle: () => tracer.settle({ ...incoming(message), operationName: 'ack' }, () => {}),
  });

  return {
    async send(message, passed) {
      passed?.(message);
      return tracer.send(outgoing(message), async (headers) => {
        const error = failure;
        failure = undefined;
        if (error) throw error;
        put([{ body: message.body, headers }]);
      });
    },
    sendBatch: (messages) =>
      tracer.sendBatch({ destination: 'things', messages: messages.map(outgoing) }, async (carriers) =>
        put(messages.map(({ body }, n) => ({ body, headers: carriers[n] }))),
      ),
    async consume(handler, outcome) {
      const asSubscriber = AsyncLocalStorage.snapshot();
      const deliver = async (message: Stored) => {
        let told: HandlerOutcome;
        try {
          const call = () => handler(handle(message));
          told = { value: await tracer.process(incoming(message), call, { ambient: ROOT_CONTEXT }) };
        } catch (error) {
          told = { error };
        }
        outcome?.(told);
      };
      dispatch = (messages) => {
        for (const message of messages) setImmediate(() => asSubscriber(deliver, message));
      };
      dispatch(queue.splice(0));
    },
    async consumeBatch(handler) {
      dispatch = (messages) => {
        const handles = new Map(messages.map((message) => [handle(message), message]));
        const batch = { destination: 'things', messages: messages.map(incoming) };
        setImmediate(() =>
          tracer.processBatch(
            batch,
            () =>
              handler([...handles.keys()], (one, fn) =>
                tracer.process(incoming(handles.get(one) as Stored), fn, { received: true }),
              ),
            { ambient: ROOT_CONTEXT },
          ),
        );
      };
    },
    async plant(messages) {
      put(messages.map(({ body, metadata, timestamp }) => ({ body, headers: metadata, timestamp })));
    },
    async take() {
      const { body, headers = {} } = queue.shift() ?? { body: 'nothing was sent' };
      const entries = Object.entries(headers).map(([name, value]) => [name, [value].flat().map(String)]);
      return { body, metadata: Object.fromEntries(entries) };
    },
    failNextSend(error) {
      failure = error;
    },
  };
}

defineMessagingConformance(
  { describe, it },
  {
    name: 'the verbs',
    sdk: sdk3,
    system: 'memory',
    capabilities: { wrapped: { reason: 'the verbs are called; no client is wrapped' } },
    names: {
      send: 'send things',
      process: 'process things',
      create: 'create things',
      receive: 'receive things',
      settle: 'ack things',
    },
    connect,
  },
);
