import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api';

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
  keys: (carrier) => [...entries(carrier)].map(([name]) => name),
  get(carrier, name) {
    if (isHeaders(carrier)) return textOf(() => carrier.get(name));
    if (!(carrier instanceof Map) && !Array.isArray(carrier)) {
      const direct = textOf(() => (Object.hasOwn(carrier, name) ? carrier[name] : undefined));
      if (direct !== undefined) return direct;
    }
    const wanted = name.toLowerCase();
    const found: string[] = [];
    for (const [key, read] of entries(carrier)) {
      if (key.toLowerCase() !== wanted) continue;
      const value = textOf(read);
      if (value !== undefined) found.push(...(Array.isArray(value) ? value : [value]));
    }
    return found.length > 1 ? found : found[0];
  },
};

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
 * A value that is no legal header value is not written: it would make the outgoing call throw.
 */
export const carrierSetter: TextMapSetter<Carrier> = {
  set(carrier, name, value) {
    if (typeof value !== 'string' || !LEGAL_VALUE.test(value)) return;
    const key = name.toLowerCase();
    removeField(carrier, key);
    if (isHeaders(carrier) || carrier instanceof Map) carrier.set(key, value);
    else if (!Array.isArray(carrier)) (carrier as Record<string, unknown>)[key] = value;
    else if (isFlat(carrier)) carrier.push(key, value);
    else carrier.push([key, value]);
  },
};

/** Removes a field, in any letter case. */
export function removeField(carrier: Carrier, name: string): void {
  const wanted = name.toLowerCase();
  if (isHeaders(carrier)) {
    carrier.delete(wanted);
  } else if (carrier instanceof Map) {
    for (const key of [...carrier.keys()]) if (String(key).toLowerCase() === wanted) carrier.delete(key);
  } else if (Array.isArray(carrier)) {
    const step = isFlat(carrier) ? 2 : 1;
    for (let at = carrier.length - step; at >= 0; at -= step) {
      const key = step === 2 ? carrier[at] : (carrier[at] as unknown[])[0];
      if (String(key).toLowerCase() === wanted) carrier.splice(at, step);
    }
  } else {
    for (const key of Object.keys(carrier))
      if (key.toLowerCase() === wanted) delete (carrier as Record<string, unknown>)[key];
  }
}

function isHeaders(carrier: Carrier): carrier is HeadersLike {
  return !(carrier instanceof Map) && typeof (carrier as HeadersLike).get === 'function';
}

function isFlat(carrier: unknown[]): boolean {
  return carrier.length > 0 && !Array.isArray(carrier[0]);
}

/** Names with a function that reads the value, so that one unreadable value costs only itself. */
function* entries(carrier: Carrier): Iterable<[string, () => unknown]> {
  if (isHeaders(carrier)) {
    for (const key of carrier.keys()) yield [key, () => carrier.get(key)];
  } else if (carrier instanceof Map) {
    for (const [key, value] of carrier) yield [String(key), () => value];
  } else if (!Array.isArray(carrier)) {
    for (const key of Object.keys(carrier)) yield [key, () => carrier[key]];
  } else if (isFlat(carrier)) {
    for (let at = 0; at + 1 < carrier.length; at += 2) yield [String(carrier[at]), () => carrier[at + 1]];
  } else {
    for (const pair of carrier as unknown[][]) yield [String(pair[0]), () => pair[1]];
  }
}

function textOf(read: () => unknown): string | string[] | undefined {
  try {
    const value = read();
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) return new TextDecoder('latin1').decode(value);
    if (Array.isArray(value)) {
      const texts = value.map((item) => textOf(() => item)).filter((item) => typeof item === 'string');
      return texts.length > 1 ? texts : texts[0];
    }
  } catch {
    // An accessor of the carrier threw: that field counts as absent.
  }
  return undefined;
}
