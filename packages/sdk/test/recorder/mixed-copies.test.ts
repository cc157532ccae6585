import { DiagLogLevel, diag } from '@opentelemetry/api';
import { type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { afterEach, expect, it, vi } from 'vitest';
import { RecordingTracerProvider } from '../../src/recorder/recording-provider.ts';

vi.mock('@opentelemetry/core', () => import('core-2'));

afterEach(() => diag.disable());

it("leaves spans to SDK 3 beside SDK 2's copy of core, and reports it", () => {
  const info = vi.fn();
  const silent = () => {};
  const logger = { error: silent, warn: silent, info, debug: silent, verbose: silent };
  diag.setLogger(logger, { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true });
  const exported: ReadableSpan[] = [];
  const exporter = {
    export: (spans: ReadableSpan[]) => void exported.push(...spans),
    shutdown: async () => {},
  };
  const provider = new RecordingTracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const nested = { map: { inner: ['a', 1] } } as never;
  provider.getTracer('mixed').startSpan('work', { attributes: nested }).end();
  expect(exported.map(({ attributes }) => attributes)).toEqual([nested]);
  expect(info).toHaveBeenCalledWith(expect.stringContaining('spans are recorded by the SDK'));
});
