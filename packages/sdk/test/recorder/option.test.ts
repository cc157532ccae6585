import { context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { suppressTracing } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { startTracing, type Tracing, type TracingOptions } from '@throughline/sdk';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RecordingTracerProvider } from '../../src/recorder/recording-provider.ts';
import { type OtlpSink, startOtlpSink } from '../otlp-sink.ts';

/** The class of the SDK's own spans, which it does not export. */
const SdkSpan = new TracerProvider().getTracer('').startSpan('').constructor;

let sink: OtlpSink;
let tracing: Tracing | undefined;
beforeEach(async () => {
  sink = await startOtlpSink();
});
afterEach(async () => {
  await tracing?.shutdown();
  await sink.close();
});

it.each<[TracingOptions, boolean]>([
  [{}, false],
  [{ recorder: 'throughline' }, false],
  [{ recorder: 'sdk' }, true],
])('with %o, the SDK itself records: %s', async (option, bySdk) => {
  tracing = startTracing({ serviceName: 'orders', endpoint: sink.url, ...option });
  const outer: Span = trace.getTracer('test').startSpan('outer');
  expect(outer instanceof SdkSpan).toBe(bySdk);
  outer.end();
  expect(await tracing.flush()).toBe(true);
  expect(sink.spans.map(({ name, resource }) => [name, resource['service.name']])).toEqual([
    ['outer', 'orders'],
  ]);
});

it('starts where tracing is suppressed', () => {
  const suppressed = suppressTracing(ROOT_CONTEXT);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const provider = context.with(suppressed, () => new RecordingTracerProvider());
  context.disable();
  expect(provider.getTracer('test').startSpan('work').isRecording()).toBe(true);
});

it('refuses a recorder that does not exist', () => {
  const options = { recorder: 'own' } as unknown as TracingOptions;
  expect(() => startTracing(options)).toThrow(
    new TypeError(
      "[throughline/sdk] startTracing(): options.recorder must be 'throughline' or 'sdk', got string 'own'",
    ),
  );
});
