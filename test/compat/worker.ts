// A worker that traces its requests with Hono and SDK 3, and answers /spans with the spans that have ended.
import { propagation, trace } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace';
import { traceContext, tracedFetch } from '@throughline/web/hono';
import { Hono } from 'hono';

const ended: object[] = [];
const keep = {
  onStart() {},
  onEnd(span: ReadableSpan) {
    const { name, parentSpanContext, attributes } = span;
    ended.push({ name, parent: parentSpanContext?.spanId, attributes, ...span.spanContext() });
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [keep] }));
propagation.setGlobalPropagator(
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
);

const app = new Hono();
app.get('/spans', (c) => c.json(ended));
app.use(traceContext());
app.get('/items/:id', async (c) =>
  c.json(await (await tracedFetch(String(c.req.header('x-target')))).json()),
);
app.get('/streamed', () => {
  const pieces = ['first ', 'last'];
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  });
  return new Response(body);
});
app.get('/throws', () => {
  throw new RangeError('out of stock');
});

export default app;
