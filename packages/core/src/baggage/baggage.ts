import {
  type BaggageEntry,
  baggageEntryMetadataFromString,
  type Context,
  propagation,
} from '@opentelemetry/api';
import { activeContext, runInContext } from '../context/active-context.ts';
import { redaction } from '../redaction/redaction.ts';

/** In characters: what a caller wrote ends up on every span and log line, so it is cut here. */
const MAX_LENGTH = 256;

/**
 * The value of a baggage entry in the active context; `undefined` when there is none.
 *
 * Any caller may have written it. **Never decide by it what a caller is allowed to do.**
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
 * Runs `fn` with these baggage entries beside those that are active, and returns or throws what it does. An
 * entry that is `undefined` is removed.
 *
 * Baggage travels with every outgoing call to where `baggageTo` allows, in clear text, through services, proxies
 * and logs that are not yours. **Put no credentials, tokens, names, e-mail addresses or other personal data into
 * it.** An id that means something to your own services only is what it is for.
 *
 * An entry may have properties, metadata that belongs to it: `{ tenant: { value: 'acme', properties: 'ttl=60' } }`.
 *
 * It is written by the registered propagator, so it stays within this process while no SDK is registered.
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
  if (typeof given !== 'object') return { value: given };
  const { value, properties } = given;
  return properties === undefined
    ? { value }
    : { value, metadata: baggageEntryMetadataFromString(properties) };
}

/**
 * The listed baggage entries as fields for a log line or as attributes, `baggage.tenant`, values cut at 256
 * characters. Entries that are absent have no field.
 *
 * Nothing is ever copied out of baggage that is not listed. **List no entry that may hold personal data or that
 * takes many values: it would be stored with every line and every span.**
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
