import { carrierGetter } from '@throughline/core';
import type { CarrierCodec } from '../verbs/carrier-codec.ts';

/** The fields of an entry as Redis has them, `[name, value, name, value]`; a stream may hold a name twice. */
export type FlatFields = readonly unknown[];

/** The codec for flat fields. */
export const flatFieldsCodec: CarrierCodec<FlatFields> = {
  keys: (fields) => carrierGetter.keys((fields ?? []) as unknown[]),
  get: (fields, name) => carrierGetter.get((fields ?? []) as unknown[], name),
  write(carrier = [], fields, replaced) {
    const gone = new Set(replaced.map((name) => name.toLowerCase()));
    const isGone = (at: number) => gone.has(String(carrier[at - (at % 2)]).toLowerCase());
    return [...carrier.filter((_, at) => !isGone(at)), ...Object.entries(fields).flat()];
  },
};

/** The words before the id of an entry, and the number of arguments of each. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ['NOMKSTREAM', 0],
  ['KEEPREF', 0],
  ['DELREF', 0],
  ['ACKED', 0],
  ['IDMPAUTO', 1],
  ['IDMP', 2],
  ['MAXLEN', 1],
  ['MINID', 1],
  ['LIMIT', 1],
]);

/**
 * Returns the arguments of XADD in two parts, those before the fields and the fields, or `undefined` if there are no
 * fields.
 */
export function splitXAdd(
  args: readonly unknown[],
): { readonly before: readonly unknown[]; readonly fields: FlatFields } | undefined {
  let at = 1;
  for (;;) {
    const more = WORDS.get(String(args[at]).toUpperCase());
    if (more === undefined) break;
    const modified = args[at + 1] === '~' || args[at + 1] === '=';
    at += 1 + more + (modified ? 1 : 0);
  }
  const fields = args.slice(at + 1).flat();
  return fields.length === 0 ? undefined : { before: args.slice(0, at + 1), fields };
}
