// tracing.ts
import { ProxyTracerProvider, trace } from '@opentelemetry/api';
import { startTracing } from '@throughline/sdk';

startTracing({ serviceName: 'shop' });

// Next makes no spans of its own.
const registered = trace.getTracerProvider() as ProxyTracerProvider;
const sdk = registered.getDelegate();
const none = new ProxyTracerProvider();
registered.setDelegate({
  getTracer: (name, ...rest) => (!process.env.SPANS_OF_NEXT && name === 'next.js' ? none : sdk).getTracer(name, ...rest),
});
