import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { createJobTracer, runWithSerializedContext, serializeContext } from '@throughline/messaging/jobs';
import { createSpanCollector } from '@throughline/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

const spans = createSpanCollector();

function startSdk(): void {
  trace.setGlobalTracerProvider(sdk3.createTracerProvider({ spanProcessors: [spans] }));
  context.setGlobalContextManager(sdk3.createContextManager().enable());
  propagation.setGlobalPropagator(sdk3.createPropagator());
}

afterEach(() => {
  spans.assertClean();
  for (const api of [trace, context, propagation]) api.disable();
});

describe('a context in the data of a job', () => {
  it('survives JSON and is active in the processor, through awaits', async () => {
    startSdk();
    const stored = await trace.getTracer('test').startActiveSpan('request', async (span) => {
      const tenant = propagation.createBaggage({ tenant: { value: 'a' } });
      const data = { trace: serializeContext({ context: propagation.setBaggage(context.active(), tenant) }) };
      span.end();
      return JSON.stringify(data);
    });
    const seen = await runWithSerializedContext(JSON.parse(stored).trace, async () => {
      await new Promise((next) => setTimeout(next, 1));
      return [
        trace.getActiveSpan()?.spanContext().spanId,
        propagation.getActiveBaggage()?.getEntry('tenant'),
      ];
    });
    const { spanId } = (await spans.take()).spanContext();
    expect(seen).toEqual([spanId, { value: 'a' }]);
  });

  it('is empty when nothing is traced', () => {
    startSdk();
    expect(serializeContext()).toEqual({});
  });

  it.each([undefined, null, 7, 'text', [], {}, { traceparent: 'nonsense' }, { traceparent: 7 }])(
    'that is %j runs the job in no trace, not in the one around the worker',
    (stored) => {
      startSdk();
      const result = trace.getTracer('test').startActiveSpan('boot', (span) => {
        span.end();
        return runWithSerializedContext(stored, () => [trace.getActiveSpan(), 'done']);
      });
      expect(result).toEqual([undefined, 'done']);
      spans.reset();
    },
  );

  it('hands on what the processor throws', () => {
    startSdk();
    const error = new Error('full');
    expect(() =>
      runWithSerializedContext({}, () => {
        throw error;
      }),
    ).toThrow(error);
  });

  it('is passed on byte for byte without an SDK', () => {
    const stored = { traceparent: TRACEPARENT, tracestate: 'vendor=1', baggage: 'tenant=a' };
    expect(runWithSerializedContext(stored, () => serializeContext())).toEqual(stored);
  });
});

describe('the tracer of jobs', () => {
  it('sends and processes in one trace, and links when told to', async () => {
    startSdk();
    const jobs = createJobTracer('bull');
    const linking = createJobTracer('bull', { relation: 'link' });
    const stored = jobs.send({ destination: 'mail', carrier: undefined }, (carrier) => carrier);
    const message = { destination: 'mail', carrier: stored, messageId: '7' };
    expect(jobs.process(message, () => 'done', { ambient: ROOT_CONTEXT })).toBe('done');
    linking.process(message, () => {});
    const [send, processed, linked] = await spans.takeMany(3);
    expect([send?.name, processed?.name]).toEqual(['send mail', 'process mail']);
    expect(send?.attributes['messaging.system.name']).toBe('bull');
    expect(processed?.parentSpanContext?.spanId).toBe(send?.spanContext().spanId);
    expect(linked?.parentSpanContext).toBeUndefined();
    expect(linked?.links[0]?.context.spanId).toBe(send?.spanContext().spanId);
  });

  it('refuses wrong options', () => {
    expect(() => createJobTracer('bull', { relation: 'child' as never })).toThrow(TypeError);
  });
});
