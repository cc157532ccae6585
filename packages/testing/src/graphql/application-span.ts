import { trace } from '@opentelemetry/api';

/** Runs `fn` in a span of the application. */
export function inApplicationSpan<T>(name: string, fn: () => Promise<T>): Promise<T> {
  return trace.getTracer('application').startActiveSpan(name, async (span) => {
    try {
      return await fn();
    } finally {
      span.end();
    }
  });
}
