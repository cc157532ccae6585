// Ends spans all the time, and writes the id of each to stdout as soon as it has ended.
import { writeSync } from 'node:fs';
import { trace } from '@opentelemetry/api';
import { startTracing } from '@throughline/sdk';

startTracing({ serviceName: 'load', shutdownTimeout: Number(process.env.SHUTDOWN_TIMEOUT ?? 5_000) });
const tracer = trace.getTracer('load');

setInterval(() => {
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) {
    const span = tracer.startSpan('work');
    span.end();
    ids.push(span.spanContext().spanId);
  }
  writeSync(1, `${ids.join('\n')}\n`);
}, 5);
