import {
  type Context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import {
  type Carrier,
  carrierGetter,
  fieldText,
  readCarrier,
  removeFromCarrier,
  writeCarrier,
} from '../carrier/carrier.ts';
import { withinBudget } from '../carrier/field-budget.ts';
import { legalField } from '../carrier/legal-field.ts';
import { mergedBaggage } from '../carrier/merged-baggage.ts';
import { withSoleTraceparent } from '../carrier/sole-traceparent.ts';
import { isTraceparent, readTraceparent, receivedFlags } from '../carrier/traceparent.ts';
import { activeContext, runInContext } from '../context/active-context.ts';
import { isExtractedByOurs } from '../context/context-keys.ts';
import { guarded, reportOnce } from '../setup/guard.ts';
import { perRegistration, registeredApi } from '../setup/registered-api.ts';
import { unregisteredTracer } from './other-tracers.ts';

/** Set while an SDK's own traffic is sent; every OpenTelemetry package honours it. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** A context in which no instrumentation records or injects anything. */
export function suppressTracing(context: Context): Context {
  return context.setValue(SUPPRESS_TRACING, true);
}

/** Whether `context` is one in which nothing is to be recorded or injected. */
export function isTracingSuppressed(context: Context): boolean {
  return context.getValue(SUPPRESS_TRACING) === true;
}

/** The fields of the caller, as received, when nobody is registered who could read them. */
const RECEIVED_FIELDS = createContextKey('Throughline received fields');
const PASSED_ON = ['traceparent', 'tracestate', 'baggage'] as const;
/**
 * Passes the caller's W3C fields on byte for byte.
 *
 * It stands in while no propagator is registered, so that a service without an SDK does not break the traces
 * of the services around it. A traceparent is passed on whole or, when it is not one, not at all.
 */
const passThrough: TextMapPropagator = {
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
    const received = context.getValue(RECEIVED_FIELDS) as Record<string, string> | undefined;
    for (const name in received) setter.set(carrier, name, received[name] as string);
  },
};

const registered: TextMapPropagator = {
  fields: () => propagation.fields(),
  extract: (context, carrier, getter) => propagation.extract(context, carrier, getter),
  inject(context, carrier, setter) {
    if (writesActiveOnly()) injectActive(context, carrier, setter);
    else propagation.inject(context, carrier, setter);
  },
};

function injectActive<C>(context: Context, carrier: C, setter: TextMapSetter<C>): void {
  runInContext(context, () => propagation.inject(activeContext(), carrier, setter));
}

const SAMPLE: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
};

/** The fields that the registered propagator writes for a sampled span. `fields()` would not do: some list none. Throws what it throws. */
export function fieldsWritten(): string[] {
  const written: string[] = [];
  const inject = writesActiveOnly() ? injectActive : propagation.inject.bind(propagation);
  inject(trace.setSpanContext(ROOT_CONTEXT, SAMPLE), written, names);
  return written;
}

const names: TextMapSetter<string[]> = {
  set(written, name) {
    written.push(name);
  },
};

/** Whether the registered propagator refuses a context that is not the active one. Sentry's does. */
const writesActiveOnly = perRegistration('propagation', () => {
  const sample = trace.setSpanContext(ROOT_CONTEXT, SAMPLE);
  const written: string[] = [];
  const probe = () => {
    propagation.inject(sample, written, names);
    if (written.length > 0) return false;
    injectActive(sample, written, names);
    return written.length > 0;
  };
  return guarded('a propagator threw in inject()', probe, false);
});

/** The propagator in force: the one given, else the registered one, else ours that passes the fields on. */
export function propagatorOf(given: TextMapPropagator | undefined): TextMapPropagator {
  return given ?? (hasPropagator() ? registered : passThrough);
}

/** Whether one is registered that our copy of the API can read: one of an older version gets to see nothing. */
const hasPropagator = perRegistration('propagation', () => {
  const { propagation: slot } = registeredApi();
  if (slot === undefined) return false;
  const fields = guarded(
    'a propagator threw in fields()',
    () => (slot as TextMapPropagator).fields().length,
    -1,
  );
  return (
    fields === -1 ||
    guarded('a propagator threw in fields()', () => propagation.fields().length, -1) === fields
  );
});

/** A context that sends no baggage, neither the parsed nor the passed-on one. */
export function withoutBaggage(context: Context): Context {
  const received = context.getValue(RECEIVED_FIELDS) as Record<string, string> | undefined;
  const bare = propagation.getBaggage(context) === undefined ? context : propagation.deleteBaggage(context);
  if (received?.baggage === undefined) return bare;
  const { baggage: _dropped, ...others } = received;
  return bare.setValue(RECEIVED_FIELDS, others);
}

/**
 * The context that a carrier brings: the caller's span context and baggage, or an empty one.
 *
 * Starts from the root context, never from what happens to be active. A carrier with several traceparents names no
 * trace, whichever propagator reads it. Never throws: what cannot be read counts as absent.
 *
 * @param propagator Default: the registered one; without any, the W3C fields are kept for the way out.
 * @see https://opentelemetry.io/docs/specs/otel/context/api-propagators/#extract
 * @example
 * const context = extractContext(message.properties.headers);
 */
export function extractContext(carrier: Carrier, propagator?: TextMapPropagator): Context {
  return extractWith(propagatorOf(propagator), carrier, carrierGetter);
}

/** {@link extractContext} with a getter of the caller's choice. One that names several traces brings none. */
export function extractWith<C>(propagator: TextMapPropagator, carrier: C, getter: TextMapGetter<C>): Context {
  try {
    return propagator.extract(ROOT_CONTEXT, carrier, withSoleTraceparent(getter)) ?? ROOT_CONTEXT;
  } catch (error) {
    reportOnce('a propagator threw in extract(); a new trace was started', error);
    return ROOT_CONTEXT;
  }
}

/** Options of {@link injectContext}. */
export interface InjectOptions {
  /** Default: the active context. */
  readonly context?: Context;
  /** Default: the registered one; without any, the caller's W3C fields are passed on byte for byte. */
  readonly propagator?: TextMapPropagator;
}

/**
 * Writes a context into a carrier and returns the carrier.
 *
 * The propagator's fields are removed first, in any letter case, so that exactly one of each is left. Baggage entries in
 * the carrier stay and win over those of the context; entries that an earlier call of this function wrote there do not
 * count. Nothing is touched when there is nothing to write (no trace, tracing suppressed): what others wrote stays.
 * At most 12 KB over all formats are written, whole members only. Never throws.
 *
 * @see https://opentelemetry.io/docs/specs/otel/context/api-propagators/#inject
 * @example
 * channel.publish(exchange, key, body, { headers: injectContext({ ...headers }) });
 */
export function injectContext<C extends Carrier>(carrier: C, options: InjectOptions = {}): C {
  const context = options.context ?? activeContext();
  const propagator = propagatorOf(options.propagator);
  try {
    const fields = fieldsOf(context, propagator);
    if (fields === undefined) return carrier;
    const held = readCarrier(carrier, BAGGAGE);
    const before = held === undefined ? undefined : injectedBaggage.get(carrier);
    const own = before !== undefined && before.sent === held ? before.own : held;
    // What is written replaces by itself, and keeps the form of the carrier.
    for (const name of replacedFields(fields, propagator, own))
      if (fields[name] === undefined) removeFromCarrier(carrier, name);
    const { baggage } = fields;
    if (baggage !== undefined) {
      fields.baggage = mergedBaggage(own, baggage) as string;
      injectedBaggage.set(carrier, { own, sent: fields.baggage });
    } else if (own !== held && own !== undefined) fields.baggage = String(own);
    for (const name in fields) writeCarrier(carrier, name, fields[name]);
  } catch (error) {
    reportOnce('inject() failed (a propagator threw, or the carrier is frozen)', error);
  }
  return carrier;
}

const BAGGAGE = 'baggage';
/** A carrier that is used again must not keep the entries of another context for its owner's. */
const injectedBaggage = new WeakMap<object, { own: string | string[] | undefined; sent: string }>();

/**
 * The fields that `propagator` writes of `context`, by lower-case name, each legal in a header and all together within
 * the budget; `undefined` when it writes nothing.
 */
export function fieldsOf(
  context: Context,
  propagator: TextMapPropagator,
): Record<string, string> | undefined {
  const fields: Record<string, string | undefined> = {};
  propagator.inject(context, fields, fieldSetter);
  let wrote = false;
  for (const name in fields) {
    wrote = true;
    if (fields[name] === undefined) delete fields[name];
  }
  if (!wrote) return undefined;
  // It belongs to a trace.
  if (fields.traceparent === undefined) delete fields.tracestate;
  return withinBudget(fields as Record<string, string>, propagator.fields());
}

const fieldSetter: TextMapSetter<Record<string, string | undefined>> = {
  set(fields, name, value) {
    const key = String(name).toLowerCase();
    fields[key] = legalField(key, fieldText(value), true);
  },
};

/**
 * The fields of a carrier that go when `fields` are written: all of the propagator's, so that none of another trace
 * stays, but not the baggage that the caller put there.
 */
export function replacedFields(
  fields: Readonly<Record<string, string>>,
  propagator: TextMapPropagator,
  own: string | string[] | undefined,
): string[] {
  const stays = fields.baggage === undefined && mergedBaggage(own, undefined) !== undefined;
  return propagator.fields().filter((name) => !(stays && name === BAGGAGE));
}

/** Whether an extracted context holds a trace that nobody could read and that is passed on as it came. */
export function passesTraceOn(context: Context): boolean {
  const received = context.getValue(RECEIVED_FIELDS) as Record<string, string> | undefined;
  return received?.traceparent !== undefined;
}

/** The caller's span context as received, where it is passed on because nobody could read it. */
export function receivedSpanContext(context: Context): SpanContext | undefined {
  const received = context.getValue(RECEIVED_FIELDS) as Record<string, string> | undefined;
  const text = received?.traceparent;
  const named = text === undefined ? undefined : readTraceparent(text);
  return text === undefined || named === undefined
    ? undefined
    : { ...named, traceFlags: receivedFlags(text) };
}

/** The caller's span context in an extracted context, when it is a valid one. */
export function remoteSpanContext(context: Context) {
  const span = trace.getSpanContext(context);
  if (span === undefined) return undefined;
  return isExtractedByOurs(context, span) || trace.isSpanContextValid(span) ? span : undefined;
}
