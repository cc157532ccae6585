import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api';

/** No format reads more of one line than this, in characters, so no more bytes of a binary value are decoded. */
export const MAX_LINE_LENGTH = 16_384;
/** A field sent on more lines than this is read up to here. */
export const MAX_LINES = 128;

/** A setter that can also take a field back, which the API's cannot. */
export interface CarrierSetter extends TextMapSetter<unknown> {
  /** Puts the value in place of every earlier one, in whatever letter case it was. Never throws. */
  set(carrier: unknown, key: string, value: string): void;
  /** Removes the field in every letter case. Never throws. */
  delete(carrier: unknown, key: string): void;
}

// 2 ns less per field than Object.hasOwn.
const { hasOwnProperty: isOwn } = Object.prototype;
type Keyed = Record<string, unknown>;
type WithGet = { get(key: string): unknown };
type WithSet = { set(key: string, value: unknown): unknown };

/**
 * Reads a field from whatever carries it: Node header objects in any letter case, `headersDistinct`, `rawHeaders`,
 * `Headers`, `Map`, arrays of pairs, gRPC metadata; values may be strings, bytes or arrays of either.
 *
 * Form: one string, or an array when the carrier holds the field more than once. Bytes become one character each, so a
 * binary value survives. Only own properties count. Never throws: what cannot be read is absent.
 *
 * @example
 * propagation.extract(context.active(), new Headers({ traceparent }), carrierGetter);
 */
export const carrierGetter: TextMapGetter<unknown> = {
  get(carrier, key) {
    try {
      return readCarrier(carrier, key);
    } catch {
      return undefined;
    }
  },
  keys(carrier) {
    try {
      return carrierKeys(carrier);
    } catch {
      return [];
    }
  },
};

/**
 * Writes a field to any carrier {@link carrierGetter} reads, and to anything with `setHeader`. A field that is there
 * already in another letter case is replaced, so that a reused carrier never sends two.
 *
 * Never throws: a frozen carrier stays as it is.
 *
 * @example
 * propagation.inject(context.active(), headers, carrierSetter);
 */
export const carrierSetter: CarrierSetter = {
  set(carrier, key, value) {
    try {
      writeCarrier(carrier, key, value);
    } catch {
      // A carrier that refuses the field goes out without it.
    }
  },
  delete(carrier, key) {
    try {
      deleteFromCarrier(carrier, key);
    } catch {
      // The same.
    }
  },
};

export function readCarrier(carrier: unknown, key: string): string | string[] | undefined {
  if (typeof carrier !== 'object' || carrier === null) return undefined;
  // The value first: asking an object for what it lacks takes 1 ns, asking it whether it owns it takes 7.
  const value = (carrier as Keyed)[key];
  if (value !== undefined && typeof value !== 'function' && isOwn.call(carrier, key)) return lines(value);
  return searchCarrier(carrier, key);
}

function searchCarrier(carrier: object, key: string): string | string[] | undefined {
  if (Array.isArray(carrier)) return lines(pairValues(carrier, key));
  if (carrier instanceof Map) return lines(mapValues(carrier, key));
  if (typeof (carrier as WithGet).get === 'function') return lines((carrier as WithGet).get(key));
  let found: unknown[] | undefined;
  for (const name in carrier) {
    if (name.length === key.length && sameName(name, key) && Object.hasOwn(carrier, name)) {
      found ??= [];
      addValue(found, (carrier as Keyed)[name]);
    }
  }
  return found === undefined ? undefined : lines(found);
}

function addValue(found: unknown[], value: unknown): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && found.length <= MAX_LINES; i++) found.push(value[i]);
  } else if (value !== undefined && found.length <= MAX_LINES) {
    found.push(value);
  }
}

function mapValues(map: Map<unknown, unknown>, key: string): unknown[] {
  const found: unknown[] = [];
  if (map.has(key)) addValue(found, map.get(key));
  else for (const [name, value] of map) if (sameName(name, key)) addValue(found, value);
  return found;
}

function pairValues(pairs: unknown[], key: string): unknown[] {
  const found: unknown[] = [];
  if (isFlat(pairs)) {
    for (let i = 0; i + 1 < pairs.length; i += 2) if (sameName(pairs[i], key)) addValue(found, pairs[i + 1]);
  } else {
    for (const pair of pairs) if (Array.isArray(pair) && sameName(pair[0], key)) addValue(found, pair[1]);
  }
  return found;
}

/** Node's `rawHeaders`: names and values take turns in one array. */
function isFlat(pairs: unknown[]): boolean {
  return pairs.length > 0 && !Array.isArray(pairs[0]);
}

/** One value as text, several as an array of text; what is neither text nor bytes is left out. */
export function lines(value: unknown): string | string[] | undefined {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return bytesToText(value);
  if (!Array.isArray(value)) return undefined;
  const found: string[] = [];
  for (let i = 0; i < value.length && found.length <= MAX_LINES && i < 2 * MAX_LINES; i++) {
    const item: unknown = value[i];
    if (typeof item === 'string') found.push(item);
    else if (item instanceof Uint8Array) found.push(bytesToText(item));
  }
  return found.length > 1 ? found : found[0];
}

/** One character per byte. `TextDecoder('latin1')` would change 0x80 to 0x9f. */
function bytesToText(bytes: Uint8Array): string {
  let text = '';
  // One more than the limit, so that a value over it is still seen to be over it.
  const end = Math.min(bytes.length, MAX_LINE_LENGTH + 1);
  for (let i = 0; i < end; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, Math.min(i + 4096, end)));
  }
  return text;
}

function sameName(name: unknown, key: string): boolean {
  if (name === key) return true;
  return (
    typeof name === 'string' &&
    name.length === key.length &&
    // Most names of the same length differ here already, and lower-casing allocates.
    (name.charCodeAt(0) | 32) === (key.charCodeAt(0) | 32) &&
    name.toLowerCase() === key.toLowerCase()
  );
}

function carrierKeys(carrier: unknown): string[] {
  if (typeof carrier !== 'object' || carrier === null) return [];
  let names: unknown[];
  if (Array.isArray(carrier)) {
    names = isFlat(carrier)
      ? carrier.filter((_, index) => index % 2 === 0)
      : carrier.map((pair) => (Array.isArray(pair) ? pair[0] : undefined));
  } else if (carrier instanceof Map || isHeaders(carrier)) {
    names = [...carrier.keys()];
  } else if (typeof (carrier as { getMap?: unknown }).getMap === 'function') {
    names = Object.keys((carrier as { getMap(): object }).getMap());
  } else {
    names = Object.keys(carrier);
  }
  return names.filter((name) => typeof name === 'string');
}

function isHeaders(carrier: object): carrier is Headers {
  return typeof Headers === 'function' && carrier instanceof Headers;
}

export function writeCarrier(carrier: unknown, key: string, value: unknown): void {
  if (typeof carrier !== 'object' || carrier === null) return;
  if (Array.isArray(carrier)) {
    const flat = isFlat(carrier);
    deleteFromPairs(carrier, key);
    if (flat) carrier.push(key, value);
    else carrier.push([key, value]);
  } else if (carrier instanceof Map) {
    deleteFromCarrier(carrier, key);
    carrier.set(key, value);
  } else if (typeof (carrier as { setHeader?: unknown }).setHeader === 'function') {
    (carrier as { setHeader(key: string, value: unknown): void }).setHeader(key, headerText(value));
  } else if (typeof (carrier as WithSet).set === 'function') {
    (carrier as WithSet).set(key, isHeaders(carrier) ? headerText(value) : value);
  } else {
    deleteFromObject(carrier as Keyed, key, true);
    if (key === '__proto__') {
      Object.defineProperty(carrier, key, { value, enumerable: true, configurable: true, writable: true });
    } else {
      (carrier as Keyed)[key] = value;
    }
  }
}

/** HTTP has no binary values; gRPC's rule for them there is base64. */
function headerText(value: unknown): string {
  if (!(value instanceof Uint8Array)) return String(value);
  return btoa(bytesToText(value));
}

function deleteFromCarrier(carrier: unknown, key: string): void {
  if (typeof carrier !== 'object' || carrier === null) return;
  if (Array.isArray(carrier)) {
    deleteFromPairs(carrier, key);
  } else if (carrier instanceof Map) {
    for (const name of carrier.keys()) if (sameName(name, key)) carrier.delete(name);
  } else if (typeof (carrier as { removeHeader?: unknown }).removeHeader === 'function') {
    (carrier as { removeHeader(key: string): void }).removeHeader(key);
  } else if (isHeaders(carrier)) {
    carrier.delete(key);
  } else if (typeof (carrier as { remove?: unknown }).remove === 'function') {
    (carrier as { remove(key: string): void }).remove(key);
  } else {
    deleteFromObject(carrier as Keyed, key, false);
  }
}

function deleteFromObject(carrier: Keyed, key: string, keepExact: boolean): void {
  for (const name in carrier) {
    if (sameName(name, key) && !(keepExact && name === key) && Object.hasOwn(carrier, name)) {
      delete carrier[name];
    }
  }
}

function deleteFromPairs(pairs: unknown[], key: string): void {
  const width = isFlat(pairs) ? 2 : 1;
  for (let i = pairs.length - (pairs.length % width) - width; i >= 0; i -= width) {
    const name = width === 2 ? pairs[i] : (pairs[i] as unknown[] | undefined)?.[0];
    if (sameName(name, key)) pairs.splice(i, width);
  }
}
