import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api';
import { guarded } from './report.ts';

/** A `Headers`, of the platform or of any fetch package. */
export interface HeadersLike {
  get(name: string): string | null;
  set(name: string, value: string): void;
  delete(name: string): void;
  keys(): Iterable<string>;
}

/**
 * What propagation fields can be read from and written to.
 *
 * - an object of headers in any letter case, values being strings, arrays of strings, or bytes (`Uint8Array`);
 * - a `Headers`;
 * - a `Map` with keys in any letter case;
 * - an array of `[name, value]` pairs, or a flat one `[name, value, name, value]` as in `rawHeaders`.
 */
export type Carrier = HeadersLike | Map<string, unknown> | unknown[] | { readonly [name: string]: unknown };

/**
 * Reads propagation fields from any {@link Carrier}, names being matched without regard to letter case.
 *
 * A field that occurs several times yields all its values, in order. One that cannot be read (a getter that
 * throws, a value that is no text) yields `undefined`, and the others are not affected.
 */
export const carrierGetter: TextMapGetter<Carrier> = {
  keys: (carrier) => guarded(UNREADABLE, () => [...entries(carrier)].map(([name]) => name), []),
  get(carrier, name) {
    const wanted = name.toLowerCase();
    const found: string[] = [];
    const collect = () => {
      for (const [key, read] of entries(carrier))
        if (key.toLowerCase() === wanted) found.push(...[textOf(read) ?? []].flat());
    };
    guarded(UNREADABLE, collect, undefined);
    return found.length > 1 ? found : found[0];
  },
};

const UNREADABLE = 'a carrier threw when its fields were listed; it counts as empty';

/**
 * Reads Node's own header objects: names in lower case, repeats already joined.
 *
 * Kept beside {@link carrierGetter} because every request goes through it.
 */
export const nodeHeaderGetter: TextMapGetter<{ readonly [name: string]: string | string[] | undefined }> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => headers[name] ?? headers[name.toLowerCase()],
};

/** Horizontal tab, visible ASCII and obs-text: what RFC 9110 allows in a field value. */
const LEGAL_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Writes propagation fields, in lower case, in place of every field of that name in any letter case.
 *
 * A value that is no legal header value leaves the field out: it would make the outgoing call throw.
 */
export const carrierSetter: TextMapSetter<Carrier> = {
  set(carrier, name, value) {
    const key = name.toLowerCase();
    const legal = typeof value === 'string' && LEGAL_VALUE.test(value);
    const write = () => {
      removeField(carrier, key);
      if (!legal) return;
      if (isMap(carrier)) carrier.set(key, value);
      else if (!Array.isArray(carrier)) (carrier as Record<string, unknown>)[key] = value;
      else if (isFlat(carrier)) carrier.push(key, value);
      else carrier.push([key, value]);
    };
    guarded('a carrier could not be written (is it frozen?)', write, undefined);
  },
};

/** Removes a field, in any letter case. */
export function removeField(carrier: Carrier, name: string): void {
  const wanted = name.toLowerCase();
  const isWanted = (key: unknown) => nameOf(key).toLowerCase() === wanted;
  if (carrier instanceof Map) {
    for (const key of [...carrier.keys()]) if (isWanted(key)) carrier.delete(key);
  } else if (isMap(carrier)) {
    // A `Headers` knows its names in any letter case.
    carrier.delete(wanted);
  } else if (Array.isArray(carrier)) {
    const step = isFlat(carrier) ? 2 : 1;
    for (let at = carrier.length - step; at >= 0; at -= step)
      if (isWanted(step === 2 ? carrier[at] : nth(carrier[at], 0))) carrier.splice(at, step);
  } else {
    for (const key of Object.keys(carrier))
      if (isWanted(key)) delete (carrier as Record<string, unknown>)[key];
  }
}

/** A `Map` or a `Headers`: they are read and written by the same methods. */
function isMap(carrier: Carrier): carrier is HeadersLike | Map<string, unknown> {
  const { get, keys } = carrier as Partial<HeadersLike>;
  return typeof get === 'function' && typeof keys === 'function';
}

function isFlat(carrier: unknown[]): boolean {
  return carrier.length > 0 && !Array.isArray(carrier[0]);
}

/** Names with a function that reads the value, so that one unreadable value costs only itself. */
function* entries(carrier: Carrier): Iterable<[string, () => unknown]> {
  // Types promise an object; what arrives from a message may be none.
  if (typeof carrier !== 'object' || carrier === null) return;
  if (isMap(carrier)) {
    for (const key of carrier.keys()) yield [nameOf(key), () => carrier.get(key)];
  } else if (!Array.isArray(carrier)) {
    for (const key of Object.keys(carrier)) yield [key, () => carrier[key]];
  } else if (isFlat(carrier)) {
    for (let at = 0; at + 1 < carrier.length; at += 2) yield [nameOf(carrier[at]), () => carrier[at + 1]];
  } else {
    for (const pair of carrier) yield [nameOf(nth(pair, 0)), () => nth(pair, 1)];
  }
}

function nth(pair: unknown, index: 0 | 1): unknown {
  return Array.isArray(pair) ? pair[index] : undefined;
}

/** What is no text names no field. */
function nameOf(key: unknown): string {
  return [textOf(() => key) ?? ''].flat().join();
}

function textOf(read: () => unknown): string | string[] | undefined {
  try {
    const value = read();
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) return new TextDecoder('latin1').decode(value);
    if (Array.isArray(value)) return value.flatMap((item) => textOf(() => item) ?? []);
  } catch {
    // An accessor of the carrier threw: that field counts as absent.
  }
  return undefined;
}
