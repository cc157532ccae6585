import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { startSdk } from '../process/sdk.ts';
import { onEachFramework, type Variant } from '../process/variant.ts';

const tracer = trace.getTracer('hand-written');

/** What most teams write themselves. */
export default {
  title: 'hand-written middleware, 6 attributes, official propagators',
  expects: { spans: true, continues: true, propagates: true },
  start: () => startSdk(),
  ...onEachFramework((req, res, route, next) => {
    const parent = propagation.extract(ROOT_CONTEXT, req.headers);
    const method = req.method ?? '';
    const span = tracer.startSpan(
      method,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': method,
          'url.path': (req.url ?? '').split('?')[0] ?? '',
          'url.scheme': 'http',
          'server.address': req.headers.host ?? '',
        },
      },
      parent,
    );
    res.once('close', () => {
      span.updateName(`${method} ${route}`);
      span.setAttributes({ 'http.route': route, 'http.response.status_code': res.statusCode });
      span.end();
    });
    return context.with(trace.setSpan(parent, span), next);
  }),
  async call(url) {
    const span = tracer.startSpan('GET', {
      kind: SpanKind.CLIENT,
      attributes: { 'http.request.method': 'GET', 'url.full': url, 'server.address': new URL(url).hostname },
    });
    const headers: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), span), headers);
    try {
      const response = await fetch(url, { headers });
      span.setAttribute('http.response.status_code', response.status);
      return response;
    } finally {
      span.end();
    }
  },
  inCaller: (traceparent, fn) => context.with(propagation.extract(ROOT_CONTEXT, { traceparent }), fn),
} satisfies Variant;
