import { context, ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { startSdk } from '../process/sdk.ts';
import { onEachFramework, type Variant } from '../process/variant.ts';

/** What no tracing of whatever kind gets by without. It reads no header: the parent is always the same. */
const parents = [TraceFlags.NONE, TraceFlags.SAMPLED].map((traceFlags) =>
  trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags,
    isRemote: true,
  }),
);
let parent = parents[1] ?? ROOT_CONTEXT;
const tracer = trace.getTracer('floor');

export default {
  title: 'floor: startSpan with 6 attributes, context.with, end',
  expects: { spans: true, continues: false, propagates: false },
  start: () => startSdk(),
  setSampled(sampled) {
    parent = parents[sampled ? 1 : 0] ?? ROOT_CONTEXT;
  },
  ...onEachFramework((req, res, route, next) => {
    const span = tracer.startSpan(
      'GET',
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': req.method ?? '',
          'url.path': req.url ?? '',
          'url.scheme': 'http',
          'server.address': 'shop.example',
          'http.route': route,
          'http.response.status_code': 200,
        },
      },
      parent,
    );
    res.once('close', () => span.end());
    return context.with(trace.setSpan(parent, span), next);
  }),
} satisfies Variant;
