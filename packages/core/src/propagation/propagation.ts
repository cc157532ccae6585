import {
  type Context,
  ROOT_CONTEXT,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import {
  type Carrier,
  carrierGetter,
  fieldText,
  legalField,
  mergedBaggage,
  readCarrier,
  removeFromCarrier,
  withinBudget,
  withSoleTraceparent,
  writeCarrier,
} from '@throughline/carrier';
import { reportOnce } from '@throughline/guard';
import { activeContext } from '../context/active-context.ts';
import { countFieldFault } from './field-faults.ts';
import { propagatorOf } from './propagator-in-force.ts';

/**
 * Returns the context that a carrier brings: the caller's span context and baggage, or the root context.
 *
 * It starts from the root context, never from the active one. A carrier with several traceparents names no trace, with
 * any propagator. Never throws: what cannot be read counts as absent.
 *
 * @param propagator Default: the registered one; without any, the W3C fields are kept and passed on.
 * @see https://opentelemetry.io/docs/specs/otel/context/api-propagators/#extract
 * @example
 * const context = extractContext(message.properties.headers);
 */
export function extractContext(carrier: Carrier, propagator?: TextMapPropagator): Context {
  return extractWith(propagatorOf(propagator), carrier, carrierGetter);
}

/** Like {@link extractContext}, with a given getter. */
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
  /** The context to write. Default: the active one. */
  readonly context?: Context;
  /** The propagator that writes. Default: the registered one; without any, the caller's W3C fields pass byte for byte. */
  readonly propagator?: TextMapPropagator;
}

/**
 * Writes a context into a carrier and returns the carrier.
 *
 * The propagator's fields are removed first, in any letter case, so that exactly one of each is left. Baggage entries
 * that the application put into the carrier stay and win over those of the context; entries from an earlier call of
 * this function do not count. Nothing is touched when there is nothing to write: no trace, or tracing suppressed. At
 * most 12 KB are written, all formats together and whole members only. Never throws.
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
    // A write replaces the field by itself, and keeps the form of the carrier.
    const stays = staysBaggage(fields, own);
    for (const name of propagator.fields())
      if (fields[name] === undefined && !(stays && name === BAGGAGE)) removeFromCarrier(carrier, name);
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
/** So that a carrier that is used again does not keep the entries of another context as its own. */
const injectedBaggage = new WeakMap<object, { own: string | string[] | undefined; sent: string }>();

/**
 * Returns the fields that `propagator` writes for `context`, by lower-case name, each legal in a header and all together
 * within the budget; `undefined` when it writes nothing.
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
  // A tracestate belongs to a traceparent.
  if (fields.traceparent === undefined) delete fields.tracestate;
  return withinBudget(fields as Record<string, string>, propagator);
}

const fieldSetter: TextMapSetter<Record<string, string | undefined>> = {
  set(fields, name, value) {
    const key = String(name).toLowerCase();
    fields[key] = legalField(key, fieldText(value), true, countFieldFault);
  },
};

/**
 * Returns the fields of a carrier to remove when `fields` are written: all of the propagator's, so that none of another
 * trace stays, except baggage that the application put there.
 */
export function replacedFields(
  fields: Readonly<Record<string, string>>,
  propagator: TextMapPropagator,
  own: string | string[] | undefined,
): string[] {
  const names = propagator.fields();
  return staysBaggage(fields, own) ? names.filter((name) => name !== BAGGAGE) : names;
}

/** Whether the application's own baggage stays as it is. */
function staysBaggage(fields: Readonly<Record<string, string>>, own: string | string[] | undefined): boolean {
  return own !== undefined && fields.baggage === undefined && mergedBaggage(own, undefined) !== undefined;
}
