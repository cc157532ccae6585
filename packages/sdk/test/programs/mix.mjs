// Runs inside of an installation with its own versions of the API and the SDK. Prints what went wrong, or `works`.
import { setTimeout as wait } from 'node:timers/promises';
import { context, DiagLogLevel, diag, metrics, propagation, trace } from '@opentelemetry/api';

if (process.env.DIAG_FIRST) diag.setLogger({ ...console, verbose() {} }, DiagLogLevel.ERROR);
try {
  const { startTracing } = await import('@throughline/sdk');
  const tracing = startTracing({ serviceName: 'mix' });
  metrics.getMeter('mix').createCounter('mix.runs').add(1);
  const tracer = trace.getTracer('mix');
  await tracer.startActiveSpan('outer', async (outer) => {
    await wait(1);
    tracer.startSpan('inner').end();
    const carrier = {};
    propagation.inject(context.active(), carrier);
    if (!carrier.traceparent?.includes(outer.spanContext().spanId)) console.log('no context after an await');
    outer.end();
  });
  console.log((await tracing.shutdown()) ? 'works' : `not delivered: ${tracing.status().lastError?.message}`);
} catch (error) {
  console.log(`${error.name}: ${error.message}`);
}
