import {
  type BaggageEntry,
  type Context,
  propagation,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import { isTracingSuppressed, TRACE_FORMATS } from '@throughline/carrier';
import { hasMember } from './baggage-members.ts';
import { decodeOctets } from './baggage-text.ts';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { clearField, readField, writeField } from './field.ts';
import { checkKnownOptions } from './known-options.ts';
import { baggageHeader, MemberBaggage } from './member-baggage.ts';
import { withExtractedBaggage } from './remote-context.ts';

const [BAGGAGE] = TRACE_FORMATS.baggage;

/**
 * Reads and writes W3C Baggage: the `baggage` header.
 *
 * Keys are literal tokens, values percent-coded UTF-8. A value may be empty, and octets that are not UTF-8 become
 * U+FFFD. A malformed member is dropped alone. Order is kept. Of duplicate keys, `getEntry` returns the last; baggage
 * that is not changed is passed on with its duplicates.
 *
 * Properties are the entry's `metadata`, in wire form (`p1;p2=a%20b`); {@link baggageProperties} decodes them.
 *
 * Limits, in and out: 64 members and 8192 bytes over all header lines, whole members only. An entry whose key is not a
 * token is not sent.
 *
 * Never throws, with any context, carrier or getter.
 *
 * @see https://www.w3.org/TR/baggage/
 * @example
 * const parent = new W3CBaggagePropagator().extract(ROOT_CONTEXT, request.headers);
 * propagation.getBaggage(parent)?.getEntry('tenant')?.value;
 */
export class W3CBaggagePropagator implements TextMapPropagator<unknown> {
  /** @throws TypeError for any option: there are none, unlike in packages that this one replaces. */
  constructor(options: { readonly [name: string]: never } = {}) {
    checkKnownOptions('W3CBaggagePropagator', options, []);
  }

  /** Returns the context with the carrier's baggage, or `context` itself when no member is legal. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const header = readField(carrier, chosenGetter(getter), BAGGAGE);
      if (header === undefined) return context;
      const lines = typeof header === 'string' ? [header] : header;
      if (!hasMember(lines)) return context;
      return withExtractedBaggage(context, new MemberBaggage(lines));
    } catch {
      return context;
    }
  }

  /** Writes `baggage` unless there is nothing legal to send or tracing is suppressed. */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    try {
      if (isTracingSuppressed(context)) return;
      const baggage = propagation.getBaggage(context);
      const set = chosenSetter(setter);
      const header =
        baggage === undefined
          ? ''
          : baggage instanceof MemberBaggage
            ? baggage.header()
            : baggageHeader(baggage);
      if (header === '') clearField(carrier, set, BAGGAGE);
      else writeField(carrier, set, BAGGAGE, header);
    } catch {
      // Baggage that cannot be read is not sent.
    }
  }

  /** Returns `baggage`. */
  fields(): string[] {
    return [BAGGAGE];
  }
}

/**
 * Returns the properties of a baggage entry, decoded and in order. A property without a value has `undefined`.
 *
 * @example
 * // baggage: tenant=acme;ttl=60;internal
 * baggageProperties(baggage.getEntry('tenant')); // [['ttl', '60'], ['internal', undefined]]
 */
export function baggageProperties(entry: BaggageEntry | undefined): [string, string | undefined][] {
  const properties = entry?.metadata?.toString() ?? '';
  if (properties === '') return [];
  return properties.split(';').map((property) => {
    const equals = property.indexOf('=');
    return equals === -1
      ? [property, undefined]
      : [property.slice(0, equals), decodeOctets(property.slice(equals + 1))];
  });
}
