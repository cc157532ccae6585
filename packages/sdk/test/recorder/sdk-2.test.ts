import { TracerProvider, type TracerProviderOptions } from '@opentelemetry/sdk-trace';
import { vi } from 'vitest';
import { RecordingTracerProvider } from '../../src/recorder/recording-provider.ts';
import { defineRecorderDifferential } from './differential.ts';

vi.mock('@opentelemetry/sdk-trace', () => import('sdk-trace-2'));
vi.mock('@opentelemetry/core', () => import('core-2'));

defineRecorderDifferential(
  'SDK 2',
  { createProvider: (options: TracerProviderOptions) => new TracerProvider(options) },
  { createProvider: (options: TracerProviderOptions) => new RecordingTracerProvider(options) },
);
