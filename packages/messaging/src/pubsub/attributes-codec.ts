import { reportOnce } from '@throughline/core/seam';
import { type CarrierCodec, headersCodec, type MessageHeaders } from '../verbs/carrier-codec.ts';

/** Precedes the names that Google's client libraries read and write. */
const PREFIX = 'googclient_';

/** Limits of Pub/Sub, which refuses a message beyond them. */
const MAX_ATTRIBUTES = 100;
const MAX_VALUE_BYTES = 1024;

/**
 * Returns a codec for Pub/Sub's attributes. It reads fields under their own names, then under the names with the
 * prefix `googclient_`.
 *
 * @param googclient Whether the trace is also written under Google's names, for consumers that know only those.
 */
export function attributesCodec(googclient: boolean): CarrierCodec<MessageHeaders> {
  return {
    keys: headersCodec.keys,
    get: (attributes, name) =>
      headersCodec.get(attributes, name) ?? headersCodec.get(attributes, PREFIX + name),
    write(attributes, fields, replaced) {
      const names = replaced.flatMap((name) => [name, PREFIX + name]);
      const copy = headersCodec.write(attributes, {}, names) as Record<string, unknown>;
      const leftOut: string[] = [];
      const add = (name: string, value: string | undefined) => {
        if (value === undefined) return;
        const fits = Object.keys(copy).length < MAX_ATTRIBUTES && Buffer.byteLength(value) <= MAX_VALUE_BYTES;
        if (fits) copy[name] = value;
        else leftOut.push(name);
      };
      for (const name of Object.keys(fields)) add(name, fields[name]);
      if (googclient) for (const name of ['traceparent', 'tracestate']) add(PREFIX + name, fields[name]);
      if (leftOut.length > 0)
        reportOnce(
          `a message to Pub/Sub went without ${leftOut.join(', ')}: 100 attributes of 1024 bytes are allowed`,
        );
      return copy;
    },
  };
}
