import type { TextMapGetter } from '@opentelemetry/api';
import { carrierGetter } from '@throughline/core';
import { withMembers } from '@throughline/core/seam';

/** Propagation fields by name, names in lower case. */
export type PropagationFields = Readonly<Record<string, string>>;

/** Reads and writes the propagation fields of one client's messages. Writing leaves the original unchanged. */
export interface CarrierCodec<C> extends TextMapGetter<C | undefined> {
  /**
   * Returns a copy of `carrier` with `fields`, and without the fields named in `replaced` in any letter case.
   *
   * @param carrier The metadata as the user gave it; never changed. `undefined`: the message has none yet.
   * @param fields In the propagator's order, the trace before the baggage: a carrier with little room drops the last
   * ones.
   */
  write(carrier: C | undefined, fields: PropagationFields, replaced: readonly string[]): C;
}

/** Headers as a plain object: values are text, bytes or lists of these. AMQP, Kafka, Pub/Sub, MQTT 5, CloudEvents. */
export type MessageHeaders = { readonly [name: string]: unknown };

/**
 * The codec for clients whose headers are a plain object. It reads any letter case, bytes and repeated values.
 */
export const headersCodec: CarrierCodec<MessageHeaders> = {
  keys: (carrier) => carrierGetter.keys(carrier),
  get: (carrier, name) => carrierGetter.get(carrier, name),
  write: withMembers,
};
