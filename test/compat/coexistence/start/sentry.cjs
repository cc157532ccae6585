// Sentry as its documentation starts it, with the options that `SENTRY` holds.
const Sentry = require('@sentry/node');

const spans = [];

function keep(span, data = {}) {
  spans.push({
    traceId: span.trace_id,
    spanId: span.span_id,
    parentSpanId: span.parent_span_id,
    name: span.description ?? span.name,
    server: [span.op, data['sentry.op']].includes('http.server') || data['otel.kind'] === 'SERVER',
  });
}

const plain = (attributes) =>
  Object.fromEntries(Object.entries(attributes).map(([name, { value }]) => [name, value]));

const options = JSON.parse(process.env.SENTRY);
const client = Sentry.init({
  dsn: 'http://key@127.0.0.1:9/1',
  tracesSampleRate: 1,
  ...options,
  transport: () => ({
    async send([, items]) {
      for (const [{ type }, { contexts, transaction, spans: children = [], items: streamed = [] }] of items) {
        if (type === 'transaction')
          for (const span of [{ ...contexts.trace, description: transaction }, ...children])
            keep(span, span.data);
        // Sentry 11 sends spans one by one.
        if (type === 'span') for (const span of streamed) keep(span, plain(span.attributes));
      }
      return {};
    },
    flush: async () => true,
  }),
});

if (options.skipOpenTelemetrySetup) {
  const { context, propagation, trace } = require('@opentelemetry/api');
  const { BasicTracerProvider } = require('@opentelemetry/sdk-trace-base');
  const { SentryPropagator, SentrySampler, SentrySpanProcessor } = require('@sentry/opentelemetry');
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({
      sampler: new SentrySampler(client),
      spanProcessors: [new SentrySpanProcessor()],
    }),
  );
  propagation.setGlobalPropagator(new SentryPropagator());
  context.setGlobalContextManager(new Sentry.SentryContextManager().enable());
  Sentry.validateOpenTelemetrySetup();
}

globalThis.coexistence = {
  async spans() {
    await Sentry.flush(2000);
    return spans;
  },
};
