// @fastify/otel with an SDK of its own; with `HTTP`, beside the instrumentations of http and undici.
const { context, propagation, trace } = require('@opentelemetry/api');
const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks');
const {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} = require('@opentelemetry/core');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { TracerProvider } = require('@opentelemetry/sdk-trace');
const { FastifyOtelInstrumentation } = require('@fastify/otel');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici');
const { spanCollector } = require('./span-collector.cjs');

const collector = spanCollector();
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [collector] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
);
const instrumentation = new FastifyOtelInstrumentation();
registerInstrumentations({
  instrumentations: [
    instrumentation,
    ...(process.env.HTTP ? [new HttpInstrumentation(), new UndiciInstrumentation()] : []),
  ],
});
globalThis.coexistence = {
  spans: async () => collector.spans,
  fastify: (app) => app.register(instrumentation.plugin()),
};
