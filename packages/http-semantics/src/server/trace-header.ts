import { type TextMapSetter, trace } from '@opentelemetry/api';
import { printTraceparent } from '@throughline/carrier';
import { guarded, propagatorOf } from '@throughline/core/seam';
import type { HttpServerExchange } from './http-server-exchange.ts';
import type { HttpServerOptions } from './http-server-options.ts';

/**
 * Returns the response header by which a caller receives the ids of its request, as the option `exposeTrace` has it:
 * `Server-Timing: trace;desc=00-…` or `traceresponse`. `undefined` if there are none for this caller.
 *
 * @see https://w3c.github.io/trace-context/#trace-context-http-response-headers-format
 */
export function traceHeader(
  { span, context, trusted }: HttpServerExchange,
  { exposeTrace: form, propagator }: HttpServerOptions,
): { readonly name: string; readonly value: string } | undefined {
  if (form === undefined || !trusted || !trace.isSpanContextValid(span.spanContext())) return undefined;
  // A propagator may know flags that spans do not carry: the caller's random flag must be sent back as received.
  const sent: { traceparent?: string } = {};
  const inject = () => propagatorOf(propagator).inject(context, sent, traceparentSetter);
  guarded('a propagator threw in inject(); the ids of the span are sent as they are', inject);
  const ids = sent.traceparent ?? printTraceparent(span.spanContext());
  return form === 'server-timing'
    ? { name: 'Server-Timing', value: `trace;desc=${ids}` }
    : { name: 'traceresponse', value: ids };
}

/** Takes only this field: the others are for calls, and copying them took 1 µs. */
const traceparentSetter: TextMapSetter<{ traceparent?: string }> = {
  set(carrier, name, value) {
    if (name === 'traceparent') carrier.traceparent = value;
  },
};
