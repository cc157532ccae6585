import { propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createMeters,
  type Recorder,
  SPAN_ID,
  startSdk,
  stopSdk,
  TRACE_ID,
  TRACEPARENT,
} from '../../../core/test/sdk.ts';
import { createMessagingTracer, headersCodec, type MessageHeaders } from '../../src/index.ts';

let recorder: Recorder;
beforeEach(() => {
  recorder = startSdk();
});
afterEach(stopSdk);

const tracer = createMessagingTracer<MessageHeaders>({ system: 'test', codec: headersCodec });
const message = { destination: 'orders', carrier: { traceparent: TRACEPARENT, baggage: 'tenant=a' } };

describe('an operation whose parts a client tells one by one', () => {
  it('has the context of the processed message, and ends with what was found out on the way', async () => {
    const processing = tracer.startProcess(message, { ambient: ROOT_CONTEXT });
    const active = trace.getSpanContext(processing.context);
    expect(propagation.getBaggage(processing.context)?.getEntry('tenant')?.value).toBe('a');
    processing.describe({ 'test.attempt': 2 });
    processing.end();
    processing.end(new Error('ended already'));
    const span = await recorder.one();
    expect(span).toMatchObject({
      name: 'process orders',
      kind: SpanKind.CONSUMER,
      parentSpanContext: { traceId: TRACE_ID, spanId: SPAN_ID },
      attributes: { 'test.attempt': 2 },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(active).toEqual(span.spanContext());
  });

  it('fails with the error that it is ended with', async () => {
    tracer.startProcess(message).end(new RangeError('no'));
    const sending = tracer.startSend({ destination: 'orders', carrier: undefined });
    sending.describe({ 'messaging.message.id': '7' });
    sending.end(new RangeError('no'));
    const [process, send] = await recorder.take(2);
    for (const span of [process, send])
      expect(span).toMatchObject({
        status: { code: SpanStatusCode.ERROR },
        attributes: { 'error.type': 'RangeError' },
      });
    expect(send?.attributes['messaging.message.id']).toBe('7');
  });

  it('says of a send what only the answer tells, and hands the answer on however it is read', async () => {
    const sent = { destination: 'orders', carrier: undefined };
    const answer = { id: '7' };
    const answered = tracer.send(
      sent,
      async () => answer,
      ({ id }) => ({ 'messaging.message.id': id }),
    );
    expect(await answered).toBe(answer);
    expect((await recorder.one()).attributes['messaging.message.id']).toBe('7');
    const unread = () => {
      throw new Error('planted');
    };
    expect(tracer.send(sent, () => answer, unread)).toBe(answer);
    expect((await recorder.one()).status.code).toBe(SpanStatusCode.UNSET);
  });

  it('counts as sent what it is told, and nothing for a message that is only created', async () => {
    const meters = createMeters();
    const counting = createMessagingTracer<MessageHeaders>(
      { system: 'test', codec: headersCodec },
      { meterProvider: meters.provider },
    );
    const created = counting.startCreate({ destination: 'orders', carrier: undefined });
    created.end();
    const sending = counting.startSend({ destination: 'orders', carrier: undefined });
    sending.describe({ 'messaging.batch.message_count': 3 });
    sending.end();
    expect((await meters.points('messaging.client.sent.messages')).map(({ value }) => value)).toEqual([3]);
    const [create] = await recorder.take(2);
    expect(create).toMatchObject({ name: 'create orders', kind: SpanKind.PRODUCER });
    expect(created.carrier?.traceparent).toContain(create?.spanContext().spanId);
  });

  it('writes on nobody else’s span when the message is ignored', async () => {
    const ignoring = createMessagingTracer<MessageHeaders>(
      { system: 'test', codec: headersCodec },
      { ignore: () => true },
    );
    const processing = ignoring.startProcess(message);
    expect(trace.getSpanContext(processing.context)).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID });
    processing.describe({ 'test.attempt': 2 });
    processing.end();
    expect(recorder.ended).toEqual([]);
  });
});
