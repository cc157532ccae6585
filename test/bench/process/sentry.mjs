import { createRequire } from 'node:module';
import { drop, exported } from './exported.ts';

const require = createRequire(import.meta.url);

/** Sentry's SDK of a major version. Its envelopes are built and dropped before they are serialized. */
export const sentry = (major) => ({
  title: `Sentry ${major}, all traces`,
  installation: `sentry-${major}`,
  sentryTrace: true,
  expects: { spans: true, continues: true, propagates: true },
  start() {
    const Sentry = require('@sentry/node');
    Sentry.init({
      dsn: 'http://key@127.0.0.1:9/1',
      tracesSampleRate: 1,
      propagateTraceparent: true,
      transport: () => ({
        async send([, items]) {
          const transactions = items
            .filter(([{ type }]) => type === 'transaction')
            .flatMap(([, { contexts, spans }]) => [contexts.trace, ...spans]);
          drop(transactions, (trace) => ({
            traceId: trace.trace_id,
            spanId: trace.span_id,
            parentSpanId: trace.parent_span_id,
          }));
          return {};
        },
        flush: async () => true,
      }),
    });
    exported.flush = () => Sentry.flush(2000);
  },
});
