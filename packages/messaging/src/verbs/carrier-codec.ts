import type { TextMapGetter } from '@opentelemetry/api';
import { carrierGetter } from '@throughline/core';
import { withMembers } from '@throughline/core/seam';

/** Propagation fields by name, names in lower case. */
export type PropagationFields = Readonly<Record<string, string>>;

/** How one client's messages carry propagation fields: a getter, and a writer that leaves the original alone. */
export interface CarrierCodec<C> extends TextMapGetter<C | undefined> {
  /**
   * A copy of `carrier` that holds `fields`, in place of every field named in `replaced` in any letter case.
   *
   * @param carrier The metadata as the user gave it; never changed. `undefined`: the message has none yet.
   * @param fields In the propagator's order, the trace before the baggage: a carrier with room for few drops the last.
   */
  write(carrier: C | undefined, fields: PropagationFields, replaced: readonly string[]): C;
}

/** Headers as a plain object: values are text, bytes or lists of these. AMQP, Kafka, Pub/Sub, MQTT 5, CloudEvents. */
export type MessageHeaders = { readonly [name: string]: unknown };

/** The codec of clients whose headers are a plain object. Reads any letter case, bytes and repeated values. */
export const headersCodec: CarrierCodec<MessageHeaders> = {
  keys: (carrier) => carrierGetter.keys(carrier),
  get: (carrier, name) => carrierGetter.get(carrier, name),
  write: withMembers,
};
