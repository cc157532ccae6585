import {
  type BaggageEntry,
  baggageEntryMetadataFromString,
  type Context,
  propagation,
} from '@opentelemetry/api';
import { redaction } from '@throughline/guard';
import { activeContext, runInContext } from '../context/active-context.ts';

/** In characters. A caller's text would otherwise be stored at any length with every span and log line. */
const MAX_LENGTH = 256;

/**
 * Returns the value of a baggage entry in the active context, or `undefined` when there is none.
 *
 * The sender of the request may have written it. **Never base an authorization decision on it.**
 *
 * @example
 * const tenant = getBaggageEntry('tenant');
 */
export function getBaggageEntry(name: string): string | undefined {
  return propagation.getBaggage(activeContext())?.getEntry(name)?.value;
}

/** The value of a baggage entry, alone or with its properties. */
export type BaggageValue =
  | string
  | {
      readonly value: string;
      /** As on the wire, percent-encoded where needed: `internal;ttl=60`. Default: none. */
      readonly properties?: string | undefined;
    };

/**
 * Runs `fn` with these baggage entries added to the active ones, and returns or throws what `fn` does. An entry that is
 * `undefined` is removed.
 *
 * Baggage travels with every outgoing call that `baggageTo` allows, in clear text, through services, proxies and logs
 * that are not yours. **Put no credentials, tokens, names, e-mail addresses or other personal data into it.** It is
 * meant for ids that only your own services understand.
 *
 * An entry may have properties: `{ tenant: { value: 'acme', properties: 'ttl=60' } }`.
 *
 * The registered propagator writes baggage, so it stays within this process while no SDK is registered.
 *
 * @example
 * await withBaggage({ tenant: 'acme' }, () => tracedFetch('http://orders:8080/orders'));
 */
export function withBaggage<T>(
  entries: { readonly [name: string]: BaggageValue | undefined },
  fn: () => T,
): T {
  const context = activeContext();
  let baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  for (const [name, value] of Object.entries(entries))
    baggage = value === undefined ? baggage.removeEntry(name) : baggage.setEntry(name, entryOf(value));
  return runInContext(propagation.setBaggage(context, baggage), fn);
}

function entryOf(given: BaggageValue): BaggageEntry {
  if (typeof given !== 'object' || given === null) return { value: given };
  const { value, properties } = given;
  return properties === undefined
    ? { value }
    : { value, metadata: baggageEntryMetadataFromString(properties) };
}

/**
 * Returns the listed baggage entries as fields for a log line or as attributes, such as `baggage.tenant`, with values cut
 * at 256 characters. Absent entries have no field.
 *
 * Entries that are not listed are never copied. **List no entry that may hold personal data or that takes many values: it
 * would be stored with every line and every span.**
 *
 * @param context Default: the active one.
 * @example
 * logger.info({ ...baggageFields(['tenant']) }, 'order placed');
 */
export function baggageFields(
  names: readonly string[],
  context: Context = activeContext(),
): Record<string, string> {
  const baggage = propagation.getBaggage(context);
  const fields: Record<string, string> = {};
  for (const name of baggage === undefined ? [] : names) {
    const value = baggage?.getEntry(name)?.value;
    if (value !== undefined) fields[`baggage.${name}`] = redaction.word(String(value)).slice(0, MAX_LENGTH);
  }
  return fields;
}
