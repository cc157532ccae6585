import { TracerProvider } from '@opentelemetry/sdk-trace';
import { RecordingTracerProvider } from '../../src/recorder/recording-provider.ts';
import { defineRecorderDifferential } from './differential.ts';

defineRecorderDifferential(
  'SDK 3',
  { createProvider: (options) => new TracerProvider(options) },
  { createProvider: (options) => new RecordingTracerProvider(options) },
);
