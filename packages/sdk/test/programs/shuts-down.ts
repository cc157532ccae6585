// Shuts tracing down while nothing else keeps it alive, and says how that went.
import { metrics, trace } from '@opentelemetry/api';
import { startTracing } from '@throughline/sdk';

const tracing = startTracing({
  serviceName: 'shuts-down',
  shutdownTimeout: Number(process.env.SHUTDOWN_TIMEOUT),
});
metrics.getMeter('shuts-down').createCounter('runs').add(1);
trace.getTracer('shuts-down').startSpan('work').end();
console.log('down', await tracing.shutdown());
