import { createTelemetry } from '@throughline/messaging/bullmq';
import type { MessagingClientUnderTest, MessagingTraceOptions } from '@throughline/testing';
import { conform } from './conformance.ts';
import { FakeBullMQ, type FakeJob } from './fake-bullmq.ts';

conform(
  {
    name: 'BullMQ',
    system: 'bullmq',
    names: { send: 'add mail', process: 'process mail' },
    capabilities: {
      sendBatch: { reason: 'BullMQ takes one context for all jobs of a bulk' },
      consumeBatch: { reason: 'BullMQ processes one by one' },
      settle: { reason: 'BullMQ settles jobs by itself' },
      wrapped: { reason: 'BullMQ calls the telemetry that it is given; no client is wrapped' },
      outcome: { reason: 'BullMQ tells no more of an error than its message' },
    },
    connect,
  },
  {
    'keeps a creation context that the message holds already, and links the send to it':
      'Queue.add replaces metadata that the caller gave',
    'keeps the baggage of a message that is sent, whose entries win over those of the context':
      'the metadata of a job is telemetry only',
    "sends the application's own metadata and body as they are, beside the context":
      'the metadata of a job is telemetry only',
    'passes everything known at the start to the sampler':
      'BullMQ tells of the attempts when the job is done; bullmq.test.ts has what is told before',
  },
);

function connect(options: MessagingTraceOptions): MessagingClientUnderTest {
  const bullmq = new FakeBullMQ(createTelemetry(withoutSettling(options)));
  const telemetryOf = (metadata: object | undefined, timestamp?: number): FakeJob['opts'] =>
    metadata === undefined ? {} : { telemetry: { metadata: JSON.stringify({ ...metadata, timestamp }) } };
  return {
    async send({ body, metadata }, passed) {
      const opts = telemetryOf(metadata);
      passed?.(opts);
      return bullmq.add('job', body, opts);
    },
    async consume(handler) {
      bullmq.process((job) => handler({ body: String(job.data) }));
    },
    async plant(messages) {
      for (const { body, metadata, timestamp } of messages)
        bullmq.plant('job', body, telemetryOf(metadata, timestamp));
    },
    async take() {
      const [job] = bullmq.jobs.splice(0, 1);
      if (job === undefined) throw new Error('nothing was added');
      const { timestamp: _ours, ...metadata } = JSON.parse(job.opts.telemetry?.metadata ?? '{}');
      return {
        body: String(job.data),
        metadata: Object.fromEntries(
          Object.entries(metadata).map(([name, value]) => [name, [value].flat().map(String)]),
        ),
      };
    },
    failNextSend(error) {
      bullmq.failure = error;
    },
  };
}

/** BullMQ settles each job inside the span that processes it; the kit knows of no such spans. */
function withoutSettling(options: MessagingTraceOptions): MessagingTraceOptions {
  const { ignore } = options;
  if (ignore !== undefined && typeof ignore !== 'function') return options;
  return { ...options, ignore: (operation) => operation.type === 'settle' || ignore?.(operation) === true };
}
