import {
  type Context,
  createContextKey,
  propagation,
  type SpanContext,
  type TextMapPropagator,
} from '@opentelemetry/api';
import { isTraceparent, isTracingSuppressed, readTraceparent, receivedFlags } from '@throughline/carrier';
import { unregisteredTracer } from './other-tracers.ts';

/** The caller's fields as received, while no propagator is registered that could read them. */
const RECEIVED_FIELDS = createContextKey('Throughline received fields');
const PASSED_ON = ['traceparent', 'tracestate', 'baggage'] as const;

/**
 * Passes the caller's W3C fields on byte for byte.
 *
 * It stands in while no propagator is registered, so that a service without an SDK does not break the traces of the
 * services around it. A traceparent is passed on whole or, when it is not one, not at all.
 */
export const passThrough: TextMapPropagator = {
  fields: () => [...PASSED_ON],
  extract(context, carrier, getter) {
    const received: Record<string, string> = {};
    for (const name of PASSED_ON) {
      const value = getter.get(carrier, name);
      const text = Array.isArray(value) ? value.join(',') : value;
      if (text) received[name] = text;
    }
    if (!isTraceparent(received.traceparent ?? '')) {
      delete received.traceparent;
      delete received.tracestate;
    }
    return context.setValue(RECEIVED_FIELDS, received);
  },
  inject(context, carrier, setter) {
    // A tracer below us writes its own, and would keep the caller's in its place or write a second one beside it.
    if (isTracingSuppressed(context) || unregisteredTracer() !== undefined) return;
    const received = receivedFields(context);
    for (const name in received) setter.set(carrier, name, received[name] as string);
  },
};

function receivedFields(context: Context): Readonly<Record<string, string>> | undefined {
  return context.getValue(RECEIVED_FIELDS) as Readonly<Record<string, string>> | undefined;
}

/** Whether an extracted context holds a trace that is passed on as it came, because nothing here could read it. */
export function passesTraceOn(context: Context): boolean {
  return receivedFields(context)?.traceparent !== undefined;
}

/** Returns the span context that is passed on, with all of its flags, or `undefined` when there is none. */
export function receivedSpanContext(context: Context): SpanContext | undefined {
  const text = receivedFields(context)?.traceparent;
  const named = text === undefined ? undefined : readTraceparent(text);
  return text === undefined || named === undefined
    ? undefined
    : { ...named, traceFlags: receivedFlags(text) };
}

/** Returns a context that sends no baggage, neither the parsed nor the passed-on one. */
export function withoutBaggage(context: Context): Context {
  const received = receivedFields(context);
  const bare = propagation.getBaggage(context) === undefined ? context : propagation.deleteBaggage(context);
  if (received?.baggage === undefined) return bare;
  const { baggage: _dropped, ...others } = received;
  return bare.setValue(RECEIVED_FIELDS, others);
}
