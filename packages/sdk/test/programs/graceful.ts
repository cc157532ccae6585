// Has a SIGTERM handler of its own: ends a last span some time after the signal and leaves with exit code 7.
import { setTimeout as wait } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { startTracing } from '@throughline/sdk';

const end = process.env.END;
const tracing = startTracing({ serviceName: 'graceful' });
const tracer = trace.getTracer('graceful');
tracer.startSpan('before the signal').end();
const last = tracer.startSpan('after the signal');
const alive = setInterval(() => {}, 1_000);

process.on('SIGTERM', async () => {
  await wait(50);
  last.end();
  if (end === 'stay') console.log('staying');
  else if (end === 'shutdown') {
    await tracing.shutdown();
    process.exit(7);
  } else if (end === 'drain') {
    while (tracing.status().spans.exported < 2) await wait(5);
    process.exit(7);
  } else {
    process.exitCode = 7;
    clearInterval(alive);
  }
});
console.log('ready');
