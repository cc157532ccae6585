// A custom server of Next.js with a listener of ours around it; serves one request and prints its spans as JSON.
import { createServer } from 'node:http';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { traceListener } from '@throughline/http';
import { tracingStatus } from '@throughline/self-check';
import next from 'next';

const spans = [];
const collector = {
  onStart() {},
  onEnd: (span) => spans.push(span),
  async forceFlush() {},
  async shutdown() {},
};
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [collector] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const app = next({ dev: false, dir: import.meta.dirname });
await app.prepare();
const handle = app.getRequestHandler();
const options = process.argv[2] === 'ignored' ? { ignore: () => true } : undefined;
let over;
const ours = traceListener((req, res) => handle(req, res), options);
const server = createServer((req, res) => {
  over = new Promise((resolve) => res.once('close', resolve));
  ours(req, res);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const response = await fetch(`http://127.0.0.1:${server.address().port}/`, {
  headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
});
const body = await response.text();
await over;
// Next ends its span in a promise behind the last byte.
await new Promise((resolve) => setTimeout(resolve, 200));
const served = spans
  .filter(({ kind }) => kind === 1)
  .map((span) => ({
    scope: span.instrumentationScope.name,
    trace: span.spanContext().traceId,
    id: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId,
  }));
const found = tracingStatus().map(({ code }) => code);
process.stdout.write(JSON.stringify({ answered: body.includes('hello'), served, found }), () =>
  process.exit(0),
);
