import { type CarrierCodec, headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';

/**
 * Headers as librdkafka has them, an ordered list with an object for each, or as the client's KafkaJS API converts
 * them.
 */
export type RdKafkaHeaders = readonly MessageHeaders[] | MessageHeaders;

/** The codec for lists of headers. It reads either form and writes a list. */
export const rdKafkaHeadersCodec: CarrierCodec<RdKafkaHeaders> = {
  keys: (carrier) => listed(carrier).flatMap((header) => headersCodec.keys(header)),
  get(carrier, name) {
    const values = listed(carrier).flatMap((header) => headersCodec.get(header, name) ?? []);
    return values.length > 1 ? values : values[0];
  },
  write: (carrier, fields, replaced) => [
    ...listed(carrier).flatMap((header) => withoutFields(header, replaced)),
    ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
  ],
};

const listed = (carrier: RdKafkaHeaders = []) => [carrier].flat() as MessageHeaders[];

/** Returns a header without these fields, or none when it had nothing else. An empty one is the client's to judge. */
function withoutFields(header: MessageHeaders, names: readonly string[]): MessageHeaders[] {
  const kept = headersCodec.write(header, {}, names);
  const wasEmptied = Object.keys(kept).length === 0 && headersCodec.keys(header).length > 0;
  return wasEmptied ? [] : [kept];
}
