// dd-trace as its documentation starts it; with `BRIDGE`, registered with OpenTelemetry's API too.
Object.assign(process.env, {
  DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
  DD_REMOTE_CONFIGURATION_ENABLED: 'false',
});
const tracer = require('dd-trace').init({ startupLogs: false, runtimeMetrics: false });
if (process.env.BRIDGE) new tracer.TracerProvider().register();

const spans = [];
const hex = (id) => id?.toString(16).padStart(16, '0');
/** Only one span of each batch says the upper half of the trace's id. */
const upper = new Map();
// What would be sent to the agent.
tracer._tracer._processor._exporter = {
  export(finished) {
    for (const span of finished) {
      const half = hex(span.trace_id).slice(-16);
      if (span.meta['_dd.p.tid'] !== undefined) upper.set(half, span.meta['_dd.p.tid']);
      spans.push({
        traceId: half,
        spanId: hex(span.span_id),
        parentSpanId: /[1-9a-f]/.test(hex(span.parent_id)) ? hex(span.parent_id) : undefined,
        name: `${span.name} ${span.resource}`,
        server: span.meta['span.kind'] === 'server',
      });
    }
  },
};
globalThis.coexistence = {
  spans: async () =>
    spans.map((span) => ({ ...span, traceId: (upper.get(span.traceId) ?? '') + span.traceId })),
};
