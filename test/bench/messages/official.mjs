import { createRequire } from 'node:module';
import { startSdk } from '../process/sdk.ts';

const require = createRequire(import.meta.url);

/** OpenTelemetry's instrumentation as its documentation has it; for BullMQ, its authors' own package. */
export default {
  title: "OpenTelemetry's instrumentation (bullmq: bullmq-otel)",
  expects: { spans: true },
  async start(client) {
    await startSdk();
    if (client === 'bullmq') {
      const { BullMQOtel } = require('bullmq-otel');
      return { telemetry: new BullMQOtel('bench') };
    }
    const { registerInstrumentations } = require('@opentelemetry/instrumentation');
    if (client === 'grpc-js') {
      const { GrpcInstrumentation } = require('@opentelemetry/instrumentation-grpc');
      registerInstrumentations({ instrumentations: [new GrpcInstrumentation()] });
      return {};
    }
    const { AmqplibInstrumentation } = require('@opentelemetry/instrumentation-amqplib');
    const { KafkaJsInstrumentation } = require('@opentelemetry/instrumentation-kafkajs');
    registerInstrumentations({
      instrumentations: [new AmqplibInstrumentation(), new KafkaJsInstrumentation()],
    });
    return {};
  },
};
