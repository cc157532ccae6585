import { createRequire } from 'node:module';
import { startSdk } from '../process/sdk.ts';

const require = createRequire(import.meta.url);

/** OpenTelemetry's instrumentation as its documentation has it: http, the framework's, undici. */
export default {
  title: 'OpenTelemetry instrumentation (http + framework)',
  expects: { spans: true, continues: true, propagates: true },
  async start(framework) {
    const { context, propagation, ROOT_CONTEXT } = require('@opentelemetry/api');
    this.inCaller = (traceparent, fn) => context.with(propagation.extract(ROOT_CONTEXT, { traceparent }), fn);
    await startSdk();
    const { registerInstrumentations } = require('@opentelemetry/instrumentation');
    const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
    const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici');
    registerInstrumentations({
      instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation(), ...ofFramework(framework)],
    });
  },
};

function ofFramework(framework) {
  if (framework === 'express') {
    const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express');
    return [new ExpressInstrumentation()];
  }
  if (framework === 'koa') {
    const { KoaInstrumentation } = require('@opentelemetry/instrumentation-koa');
    return [new KoaInstrumentation()];
  }
  if (framework === 'fastify') {
    const { FastifyOtelInstrumentation } = require('@fastify/otel');
    return [new FastifyOtelInstrumentation({ registerOnInitialization: true })];
  }
  return [];
}
