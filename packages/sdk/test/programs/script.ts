// Does its work and is done; END=exit leaves by process.exit().
import { metrics, trace } from '@opentelemetry/api';
import { startTracing } from '@throughline/sdk';

startTracing({ serviceName: 'script', shutdownTimeout: Number(process.env.SHUTDOWN_TIMEOUT ?? 5_000) });
metrics.getMeter('script').createCounter('script.runs').add(1);
trace.getTracer('script').startActiveSpan('outer', (outer) => {
  if (process.env.SPANS !== '1') trace.getTracer('script').startSpan('inner').end();
  outer.end();
});
process.exitCode = 4;
if (process.env.END === 'exit') process.exit();
if (process.env.END === 'throw') throw new Error('the script failed');
if (process.env.END === 'reject') void Promise.reject(new Error('the script failed'));
if (process.env.END === 'handled') {
  process.on('uncaughtException', () => process.exit(4));
  throw new Error('the script failed');
}
