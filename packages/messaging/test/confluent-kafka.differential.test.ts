/**
 * What Confluent's client is given and gives with tracing, against what it is given and gives without: equal but for
 * our fields. As `test/integration/differential.test.ts`, over doubles, because few machines have the client built.
 */
import { traceConsumer, traceProducer } from '@throughline/messaging/confluent-kafka';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SHAPES } from '../../../test/integration/shapes.ts';
import { FakeKafka } from './fake-kafka.ts';
import {
  FakeConsumer,
  FakeHighLevelProducer,
  FakeProducer,
  type FakeRdKafkaMessage,
  FakeTopics,
} from './fake-rdkafka.ts';
import { startRecording, stopRecording } from './recording.ts';

let spans: ReturnType<typeof startRecording>;
beforeEach(() => {
  spans = startRecording();
});
afterEach(() => {
  stopRecording(spans);
});

type Shape = (values: Record<string, unknown>) => never;

/** Calls the bare client or the traced one, and returns what came of it. */
type Call = (traced: boolean, shape: Shape) => Promise<unknown>;

const OURS = /^(traceparent|tracestate|baggage)$/;
const HEADERS = { tenant: 'blue', kind: 'order' };

/** Entries without the fields that we add. */
const bare = (headers: object = {}) => Object.entries(headers).filter(([name]) => !OURS.test(name));

type KafkaJsProducer = ReturnType<FakeKafka['producer']>;

const sends =
  (
    send: (producer: Pick<KafkaJsProducer, 'send' | 'sendBatch' | 'transaction'>, shape: Shape) => unknown,
  ): Call =>
  async (traced, shape) => {
    const kafka = new FakeKafka();
    const raw = kafka.producer();
    const result = await send(traced ? traceProducer(raw) : raw, shape);
    const sent = kafka.topics.get('orders')?.map(({ headers, ...others }) => [others, bare(headers)]);
    return { result, sent, acks: kafka.acks };
  };

const produces =
  (
    made: typeof FakeProducer,
    produce: (producer: Pick<FakeProducer, 'produce'>, headers: object[]) => unknown,
  ): Call =>
  async (traced, shape) => {
    const kafka = new FakeTopics();
    const raw = new made(kafka);
    const headers = [shape({ tenant: 'blue' }), shape({ kind: 'order' })];
    const result = await produce(traced ? traceProducer(raw) : raw, headers);
    const sent = kafka.topics.get('orders')?.map(({ headers, ...others }) => ({
      ...others,
      headers: headers?.filter((header) => !OURS.test(Object.keys(header).join())),
    }));
    return { result, sent };
  };

const message = { key: 'k', value: 'v', partition: 1, timestamp: '1700000000000', headers: HEADERS };
const received = { topic: 'orders', partition: 2, offset: 7, timestamp: 1, key: 'k', headers: [HEADERS] };

/** Has a message given to a handler, and returns whether it was given as it came. */
const consumes =
  (listen: (consumer: FakeConsumer, handle: (...args: unknown[]) => void) => void): Call =>
  async (traced, shape) => {
    const kafka = new FakeTopics();
    const raw = new FakeConsumer(kafka);
    const arriving: FakeRdKafkaMessage = shape({ ...received, value: Buffer.from('v') });
    kafka.topics.set('orders', [arriving]);
    const args = await new Promise<unknown[]>((done) => {
      listen(traced ? traceConsumer(raw) : raw, (...given) => done(given));
      kafka.arrivals.emit('messages');
    });
    return args.flat().map((one) => (one === arriving ? 'the message' : one));
  };

const CALLS: Record<string, Call> = {
  'send, message': sends((producer, shape) => producer.send({ topic: 'orders', messages: [shape(message)] })),
  'send, record': sends((producer, shape) =>
    producer.send(shape({ topic: 'orders', messages: [message, message], acks: 1 })),
  ),
  'send, headers': sends((producer, shape) =>
    producer.send({ topic: 'orders', messages: [{ ...message, headers: shape(HEADERS) }] }),
  ),
  'send in a transaction, message': sends(async (producer, shape) =>
    (await producer.transaction()).send({ topic: 'orders', messages: [shape(message)] }),
  ),
  'sendBatch, batch': sends((producer, shape) =>
    producer.sendBatch(shape({ topicMessages: [{ topic: 'orders', messages: [message] }], acks: 1 })),
  ),
  'sendBatch, topic': sends((producer, shape) =>
    producer.sendBatch({ topicMessages: [shape({ topic: 'orders', messages: [message] })] }),
  ),
  'run, settings': async (traced, shape) => {
    const kafka = new FakeKafka();
    const raw = kafka.consumer({ groupId: 'mailer' });
    kafka.append('orders', [message]);
    const payload = await new Promise((eachMessage) => {
      (traced ? traceConsumer(raw) : raw).run(shape({ autoCommit: false, eachMessage }));
    });
    return { payload, autoCommit: kafka.configs[0]?.autoCommit };
  },
  'produce, headers': produces(FakeProducer, (producer, headers) =>
    producer.produce('orders', 1, Buffer.from('v'), 'k', 1, undefined, headers),
  ),
  'produce with a callback, headers': produces(
    FakeHighLevelProducer,
    (producer, headers) =>
      new Promise((done) => {
        const onDelivery = (...answer: unknown[]) => done(answer);
        producer.produce('orders', 1, Buffer.from('v'), 'k', 1, headers, onDelivery);
      }),
  ),
  'data, message': consumes((consumer, handle) => consumer.on('data', handle).consume()),
  'consume, message': consumes((consumer, handle) => consumer.consume(handle)),
  'consume of a number, message': consumes((consumer, handle) => consumer.consume(1, handle)),
};

describe.each(Object.entries(CALLS))('%s', (_what, call) => {
  it.each(Object.keys(SHAPES))(
    'comes to the same as with the bare client, objects being %s',
    async (kind) => {
      const shape = SHAPES[kind] as Shape;
      const expected = await call(false, shape);
      expect(await call(true, shape)).toEqual(expected);
      expect(spans.ended().length, 'was traced').toBeGreaterThan(0);
      spans.reset();
    },
  );
});
