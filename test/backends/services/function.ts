// A function as a cloud runs it: one call per IPC message, a traceparent; answered with a message, after which the
// process may be frozen. FLUSH=1 flushes before the answer.
import { trace } from '@opentelemetry/api';
import { extractContext, runInContext } from '@throughline/core';
import { startTracing } from '@throughline/sdk';

const tracing = startTracing({ serviceName: 'thumbnails', shutdownTimeout: 1_000 });

process.on('message', async (traceparent: string) => {
  runInContext(extractContext({ traceparent }), () => trace.getTracer('test').startSpan('handle').end());
  if (process.env.FLUSH === '1') await tracing.flush();
  process.send?.('answered');
});
process.on('disconnect', () => process.exit());
