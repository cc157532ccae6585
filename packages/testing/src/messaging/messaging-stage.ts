import assert from 'node:assert/strict';
import { context, propagation, type SpanContext, trace } from '@opentelemetry/api';
import { type ClientCase, type InSpan, inSpanOf } from '../kit/client-case.ts';
import { caseLimit, setDeadline, within } from '../kit/deadline.ts';
import { withResolvers } from '../kit/gate.ts';
import { type MetricPoint, metricPoints } from '../kit/metric-points.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import { createSpanCollector, type SpanCollector } from '../kit/span-collector.ts';
import { onStage, type StageParts } from '../kit/stage.ts';
import type {
  MessageOnWire,
  MessageToHandle,
  MessageToSend,
  MessagingCapability,
  MessagingClientUnderTest,
  MessagingConformanceOptions,
  MessagingTraceOptions,
} from './messaging-conformance.ts';

/** One sentence of the messaging specification before it is bound to a client. */
export type MessagingCase = ClientCase<MessagingWorld, MessagingCapability, MessagingTraceOptions>;

/** What a handler saw of its message and of the context around it. */
export interface Handled {
  readonly body: string;
  /** Active when the handler was called. */
  readonly first: SpanContext | undefined;
  /** Active after promises and timers. */
  readonly last: SpanContext | undefined;
  /** `tenant` of the active baggage, after promises and timers. */
  readonly tenant: string | undefined;
}

/** What a messaging case works with. */
export interface MessagingWorld {
  readonly options: MessagingConformanceOptions;
  readonly spans: SpanCollector;
  readonly parts: StageParts;
  readonly notes: unknown[];
  readonly client: MessagingClientUnderTest;
  /** Makes another client, closed with the case. */
  connect(traceOptions: MessagingTraceOptions): Promise<MessagingClientUnderTest>;
  /** Sends one message. */
  send(body: string, metadata?: MessageToSend['metadata']): Promise<unknown>;
  /** Takes the next message from the wire. */
  take(): Promise<MessageOnWire>;
  /** Starts to consume with a handler that notes what it sees. */
  consume(): Promise<void>;
  /** Takes the next message that the noting handler is done with. */
  handled(): Promise<Handled>;
  /** The noting handler itself, for other ways to consume. */
  note(message: MessageToHandle): Promise<string>;
  readonly inSpan: InSpan;
  /** Takes the next ended span of an operation: `send`, `process`. */
  span(type: string): Promise<RecordedSpan>;
  metric(name: string): Promise<MetricPoint[]>;
}

/** Runs one case: sets the stage, sends, consumes, asserts, cleans up, and fails on anything left behind. */
export async function runMessagingCase(
  one: MessagingCase,
  options: MessagingConformanceOptions,
): Promise<void> {
  const { sdk } = options;
  const spans = createSpanCollector();
  const clients = new Set<MessagingClientUnderTest>();
  const meters = sdk.createMeterProvider();
  const realPropagator = sdk.createPropagator();
  const parts: { -readonly [Part in keyof StageParts]: StageParts[Part] } = {
    contextManager: sdk.createContextManager(),
    propagator: one.propagator?.(realPropagator) ?? realPropagator,
    meterProvider: one.meterProvider?.(meters.meterProvider) ?? meters.meterProvider,
  };
  const inbox: Handled[] = [];
  let arrived = withResolvers<void>();
  let client: MessagingClientUnderTest | undefined;

  const world: MessagingWorld = {
    options,
    spans,
    parts,
    notes: [],
    get client() {
      assert.ok(client, 'the client was not made');
      return client;
    },
    async connect(traceOptions) {
      const made = await options.connect(traceOptions);
      clients.add(made);
      return made;
    },
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
    inSpan: inSpanOf(spans),
    span: (type) => spans.take(({ attributes }) => attributes['messaging.operation.type'] === type),
    metric: async (name) => metricPoints(await meters.collect()).filter((point) => point.name === name),
  };
  parts.tracerProvider = sdk.createTracerProvider({
    spanProcessors: [...(one.processors ?? []), spans],
    ...(one.sampler ? { sampler: one.sampler(world) } : {}),
  });

  await onStage((one.sdk ?? 'early') === 'early' ? parts : undefined, async () => {
    setDeadline(options.deadline);
    client = await world.connect(one.traceOptions?.(world) ?? {});
    try {
      await within(one.run(world), () => 'the case to finish', caseLimit());
    } finally {
      for (const made of clients) await made.close?.();
    }
    for (let turn = 0; turn < 2; turn += 1) await new Promise((next) => setImmediate(next));
    assert.deepEqual(inbox, [], 'messages handled that no assertion took: a handler ran more than once');
    spans.assertClean();
    assert.equal(trace.getSpan(context.active()), undefined, 'a span is left active');
    assert.equal(propagation.getActiveBaggage(), undefined, 'baggage is left active');
  });
}
