import { setImmediate as turn } from 'node:timers/promises';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { startTracing, type Tracing, type TracingOptions } from '@throughline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type OtlpSink, startOtlpSink } from './otlp-sink.ts';

type SpanProcessor = NonNullable<TracingOptions['spanProcessors']>[number];

const METHODS = ['onStart', 'onEnding', 'onEnd', 'forceFlush', 'shutdown'] as const;
const unreadable = {
  toString() {
    throw new Error('no text');
  },
};
/** Ways to fail; each replaces a method of a processor. */
const FAULTS: readonly [string, PropertyDescriptor][] = [
  ['throws', { value: () => throwing(new Error('broken')) }],
  ['throws what cannot be read', { value: () => throwing(unreadable) }],
  ['throws nothing', { value: () => throwing(undefined) }],
  ['rejects', { value: async () => throwing(new Error('broken')) }],
  ['rejects later', { value: () => turn().then(() => throwing(new Error('broken'))) }],
  [
    'returns something that breaks when it is waited for',
    { value: () => Object.defineProperty({}, 'then', { get: () => throwing(new Error('broken')) }) },
  ],
];

function throwing(error: unknown): never {
  throw error;
}

function processor(calls: string[] = []): SpanProcessor {
  return {
    onStart: () => void calls.push('onStart'),
    onEnding: () => void calls.push('onEnding'),
    onEnd: () => void calls.push('onEnd'),
    forceFlush: async () => void calls.push('forceFlush'),
    shutdown: async () => void calls.push('shutdown'),
  };
}

let sink: OtlpSink;
let tracing: Tracing | undefined;
let stderr: string[];
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);
beforeEach(async () => {
  stderr = [];
  unhandled.length = 0;
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => stderr.push(String(chunk)) > 0);
  process.on('unhandledRejection', onUnhandled);
  sink = await startOtlpSink();
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  process.off('unhandledRejection', onUnhandled);
  await sink.close();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe.each(METHODS)("a processor of the application's in whose %s()", (method) => {
  it.each(FAULTS)('something %s harms nobody, and is reported once', async (_, fault) => {
    const calls: string[] = [];
    const broken = Object.defineProperty(processor(), method, fault);
    tracing = startTracing({
      serviceName: 'orders',
      endpoint: sink.url,
      spanProcessors: [broken, processor(calls)],
    });
    for (let i = 0; i < 3; i++) {
      const span = trace.getTracer('test').startSpan('work');
      expect(span.isRecording()).toBe(true);
      span.end();
    }
    expect(await tracing.flush()).toBe(true);
    expect(await tracing.shutdown()).toBe(true);
    await turn();
    expect(sink.spans).toHaveLength(3);
    expect(new Set(calls)).toEqual(new Set(METHODS));
    expect(calls.filter((call) => call === 'onEnd')).toHaveLength(3);
    expect(unhandled).toEqual([]);
    expect(stderr).toEqual([
      expect.stringMatching(
        new RegExp(
          `^\\[throughline/sdk\\] a span processor failed in ${method}\\(\\), which is reported once: .*\\n$`,
        ),
      ),
    ]);
  });
});

it('a processor without forceFlush() and shutdown() is taken', async () => {
  const onEnd = vi.fn();
  tracing = startTracing({
    serviceName: 'orders',
    endpoint: sink.url,
    spanProcessors: [{ onStart() {}, onEnd } as unknown as SpanProcessor],
  });
  trace.getTracer('test').startSpan('work').end();
  expect(await tracing.shutdown()).toBe(true);
  expect(onEnd).toHaveBeenCalledOnce();
  expect(stderr).toEqual([]);
});

it('a console that throws harms nobody, and is reported once', async () => {
  const dir = vi.spyOn(console, 'dir').mockImplementation(() => throwing(new Error('broken')));
  vi.stubEnv('OTEL_TRACES_EXPORTER', 'console,otlp');
  tracing = startTracing({ serviceName: 'orders', endpoint: sink.url });
  for (let i = 0; i < 2; i++) {
    trace.getTracer('test').startSpan('work').end();
    expect(await tracing.flush()).toBe(true);
  }
  expect(await tracing.shutdown()).toBe(true);
  await turn();
  expect(dir).toHaveBeenCalled();
  expect(sink.spans).toHaveLength(2);
  expect(unhandled).toEqual([]);
  // The SDK's own processor would contain the fault too, without a word.
  expect(stderr).toEqual([expect.stringContaining('a span processor failed in forceFlush(), ')]);
});

it('a terminal that throws harms nobody', async () => {
  vi.mocked(process.stderr.write).mockImplementation(() => throwing(new Error('broken')));
  // A wrong variable is reported to the terminal, too.
  vi.stubEnv('OTEL_TRACES_SAMPLER', 'on');
  tracing = startTracing({ serviceName: 'orders' });
  expect(tracing.status().state).toBe('printing');
  const tracer = trace.getTracer('test');
  const root = tracer.startSpan('root');
  const around = trace.setSpan(ROOT_CONTEXT, root);
  vi.mocked(process.stderr.write).mockClear();
  // With more spans than are held, the tree is printed inside end().
  for (let i = 0; i <= 5_000; i++) expect(() => tracer.startSpan('work', {}, around).end()).not.toThrow();
  expect(process.stderr.write).toHaveBeenCalled();
  expect(() => root.end()).not.toThrow();
  expect(await tracing.shutdown()).toBe(true);
  await turn();
  expect(unhandled).toEqual([]);
});

it('a terminal that throws when a finished trace is printed ends no process', async () => {
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtException', onUncaught);
  const write = vi.mocked(process.stderr.write).mockImplementation(() => throwing(new Error('broken')));
  tracing = startTracing({ serviceName: 'orders' });
  trace.getTracer('test').startSpan('work').end();
  await vi.waitFor(() => expect(write).toHaveBeenCalled());
  await turn();
  process.off('uncaughtException', onUncaught);
  expect(uncaught).toEqual([]);
});
