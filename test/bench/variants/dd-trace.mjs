import { createRequire } from 'node:module';
import { drop } from '../process/exported.ts';

const require = createRequire(import.meta.url);

/** Its spans are dropped where the others' are: behind the conversion, before encoding and sending. */
export default {
  title: 'dd-trace',
  installation: 'dd-trace',
  expects: { spans: true, unsampledSpans: true, continues: true, propagates: true },
  start() {
    process.env.DD_INSTRUMENTATION_TELEMETRY_ENABLED = 'false';
    process.env.DD_REMOTE_CONFIGURATION_ENABLED = 'false';
    const tracer = require('dd-trace').init({ startupLogs: false, runtimeMetrics: false });
    tracer._tracer._processor._exporter = {
      export: (spans) =>
        drop(spans, (span) => ({
          traceId: span.trace_id.toString(16),
          spanId: span.span_id.toString(16),
          parentSpanId: span.parent_id?.toString(16),
        })),
    };
  },
};
