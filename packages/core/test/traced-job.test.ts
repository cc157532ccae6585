import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activeContext, detached, tracedJob } from '../src/index.ts';
import { listenToDiag, type Recorder, startSdk, stopSdk, withResolvers } from './sdk.ts';

let recorder: Recorder;
beforeEach(() => {
  recorder = startSdk();
});
afterEach(stopSdk);

const withTenant = () =>
  propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ tenant: { value: 'a' } }));

/** Runs `fn` inside a span, with baggage. */
function inRequest<T>(fn: () => T): T {
  const span = trace.getTracer('test').startSpan('request');
  try {
    return context.with(trace.setSpan(withTenant(), span), fn);
  } finally {
    span.end();
  }
}

describe('tracedJob', () => {
  it('runs in a trace of its own that links to the span around the call, without its baggage', async () => {
    const job = tracedJob('refresh', () => [trace.getActiveSpan(), propagation.getActiveBaggage()]);
    const [active, baggage] = inRequest(job);
    const [span, request] = await recorder.take(2);
    expect(span).toMatchObject({
      name: 'refresh',
      kind: SpanKind.INTERNAL,
      parentSpanContext: undefined,
      attributes: {},
      status: { code: SpanStatusCode.UNSET },
      instrumentationScope: { name: '@throughline/core' },
    });
    expect(span?.links.map((link) => link.context)).toEqual([request?.spanContext()]);
    expect(span?.spanContext().traceId).not.toBe(request?.spanContext().traceId);
    expect(active).toMatchObject({ name: 'refresh' });
    expect(baggage).toBeUndefined();
  });

  it('has no link when nothing is active', async () => {
    tracedJob('refresh', () => {})();
    expect((await recorder.one()).links).toEqual([]);
  });

  it('hands on this, arguments and result', async () => {
    const job = tracedJob('add', function (this: { base: number }, more: number) {
      return this.base + more;
    });
    expect(job.call({ base: 1 }, 2)).toBe(3);
    await recorder.one();
  });

  it('ends when the promise has settled, and keeps overlapping runs apart', async () => {
    const gates = [withResolvers(), withResolvers()];
    const job = tracedJob(
      'refresh',
      async (run: number) => {
        await gates[run]?.promise;
        return trace.getActiveSpan()?.spanContext().traceId;
      },
      { attributes: (run) => ({ 'app.run': run }) },
    );
    const runs = [job(0), job(1)];
    expect(recorder.open).toBe(2);
    gates[1]?.resolve();
    const second = await recorder.one();
    gates[0]?.resolve();
    const first = await recorder.one();
    expect([first, second].map(({ attributes }) => attributes['app.run'])).toEqual([0, 1]);
    expect(await Promise.all(runs)).toEqual([first, second].map((span) => span.spanContext().traceId));
  });

  const full = new RangeError('full');
  it.each([
    [
      'throws',
      () => {
        throw full;
      },
    ],
    ['rejects', () => Promise.reject(full)],
  ])('hands on the very error of a function that %s, and marks the span', async (_how, fn) => {
    await expect((async () => tracedJob('refresh', fn)())()).rejects.toBe(full);
    expect(await recorder.one()).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'RangeError' },
      events: [{ name: 'exception' }],
    });
  });

  it('runs the job when attributes throws, and reports that', async () => {
    const reported = listenToDiag();
    const attributes = () => {
      throw new Error('no');
    };
    expect(tracedJob('refresh', () => 'done', { attributes })()).toBe('done');
    await recorder.one();
    expect(reported).toEqual(['[throughline] options.attributes threw']);
  });

  it('runs the job when the tracer throws', () => {
    const tracerProvider = {
      getTracer: () => ({
        startSpan() {
          throw new Error('no');
        },
      }),
    };
    expect(tracedJob('refresh', () => 'done', { tracerProvider: tracerProvider as never })()).toBe('done');
  });

  it('runs the job without an SDK, outside of what is active', () => {
    stopSdk();
    expect(tracedJob('refresh', () => activeContext())()).toBe(ROOT_CONTEXT);
  });

  it.each([
    [() => tracedJob('', () => {}), "name must be a non-empty string, got string ''"],
    [() => tracedJob('a', 'b' as never), "fn must be a function, got string 'b'"],
    [() => tracedJob('a', () => {}, { attributes: {} as never }), 'options.attributes must be a function'],
  ])('refuses wrong arguments', (set, message) => {
    expect(set).toThrow(TypeError);
    expect(set).toThrow(`[throughline/core] tracedJob(): ${message}`);
  });
});

describe('detached', () => {
  it('runs in no trace and returns what the function does', async () => {
    const seen = inRequest(() => detached(() => [trace.getActiveSpan(), propagation.getActiveBaggage(), 7]));
    expect(seen).toEqual([undefined, undefined, 7]);
    await recorder.one();
  });

  it('keeps what a timer does later out of the trace too', async () => {
    const later = inRequest(() =>
      detached(() => new Promise((done) => setTimeout(() => done(trace.getActiveSpan()), 1))),
    );
    expect(await later).toBeUndefined();
    await recorder.one();
  });
});
