// Runs inside of an installation with its own versions of the API and the SDK. Prints what went wrong, or `works`.
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { context, DiagLogLevel, diag, metrics, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';

if (process.env.DIAG_FIRST) diag.setLogger({ ...console, verbose() {} }, DiagLogLevel.ERROR);
try {
  const { startTracing } = await import('@throughline/sdk');
  const tracing = startTracing({ serviceName: 'mix', strict: process.env.STRICT === '1' });
  metrics.getMeter('mix').createCounter('mix.runs').add(1);
  const tracer = trace.getTracer('mix');
  await tracer.startActiveSpan('outer', async (outer) => {
    await wait(1);
    tracer.startSpan('inner').end();
    const carrier = {};
    propagation.inject(context.active(), carrier);
    if (!carrier.traceparent?.includes(outer.spanContext().spanId)) console.log('no context after an await');
    if (!carrier.traceparent?.endsWith('-03')) console.log('no random flag');
    outer.end();
  });
  const delivered = await tracing.shutdown();
  // One trace in a hundred of those whose caller left the decision open.
  const again = startTracing({
    serviceName: 'mix',
    sampling: { ratio: 0.01 },
    propagators: ['b3'],
  });
  const open = Array.from({ length: 1_000 }, (_, i) => {
    const id = createHash('md5').update(String(i)).digest('hex');
    const parent = propagation.extract(ROOT_CONTEXT, { b3: `${id}-${id.slice(0, 16)}` });
    return trace.getTracer('mix').startSpan('open', {}, parent).isRecording();
  });
  const share = open.filter(Boolean).length;
  if (share === 0 || share > 30) console.log(`${share} of 1000 recorded`);
  await again.shutdown();
  console.log(delivered ? 'works' : `not delivered: ${tracing.status().lastError?.message}`);
} catch (error) {
  console.log(`${error.name}: ${error.message}`);
}
