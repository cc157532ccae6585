// An HTTP service with three spans per request; /stats tells how it is doing. Needs --expose-gc for the heap.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { trace } from '@opentelemetry/api';
import { traceContext } from '@throughline/express';
import { startTracing } from '@throughline/sdk';
import express from 'express';

const tracing = startTracing({ serviceName: 'server' });
const tracer = trace.getTracer('server');
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

const app = express();
app.get('/stats', (_req, res) => {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  res.json({
    heapUsed,
    cpu: user + system,
    delay: delay.percentile(99) / 1e6,
    spans: tracing.status().spans,
  });
  delay.reset();
});
app.use(traceContext());
app.get('/orders/:id', (req, res) => {
  for (const name of ['read', 'write'])
    tracer.startSpan(name, { attributes: { 'order.id': req.params.id } }).end();
  res.send('ok');
});
const server = createServer(app).listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port} ready`);
});
