import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api';
import { reportOnce } from '@throughline/guard';
import { legalField } from './forms/legal-field.ts';

/** In characters. No format reads more of one line, so no more bytes of a binary value are decoded. */
const MAX_LINE_LENGTH = 16_384;
/** A field on more lines is read up to this one. */
export const MAX_LINES = 128;

/**
 * An object that holds propagation fields. It is recognized by its methods and not by its class, because an application
 * may hold several copies of a class.
 *
 * - an object of headers in any letter case: values are text, bytes, or arrays of either;
 * - an array of `[name, value]` pairs, or a flat one `[name, value, name, value]` as in `rawHeaders`;
 * - a `Headers`, of the platform or of any fetch package, and any other object with `get` and `set`;
 * - a `Map` with keys in any letter case, `URLSearchParams`, `FormData`;
 * - a message of `node:http` or `node:http2`: any object with `getHeader` and `setHeader`;
 * - gRPC's `Metadata`.
 *
 * Bytes are a `Buffer`, any typed array, a `DataView` or an `ArrayBuffer`. Names may be bytes as well.
 */
export type Carrier = object;

/** A getter that can also read all fields with a common prefix, which the API's getter can only read one by one. */
export interface CarrierGetter extends TextMapGetter<unknown> {
  /**
   * Returns the fields whose names begin with `prefix` in any letter case, under their own names, in order and up to
   * `limit`. Lists the carrier once. Never throws.
   *
   * @param prefix In lower case.
   */
  prefixed(carrier: unknown, prefix: string, limit: number): [string, string | string[]][];
}

/** A setter that can also remove a field, which the API's cannot. */
export interface CarrierSetter extends TextMapSetter<unknown> {
  /**
   * Writes the value in place of every earlier one, in any letter case. The name is written in lower case.
   *
   * A value that is neither bytes nor a legal header value is left out, because it would make the outgoing call throw.
   * The earlier value is removed as well, because it belongs to another context. Never throws.
   */
  set(carrier: unknown, name: string, value: string): void;
  /** Removes the field in every letter case. Never throws. */
  delete(carrier: unknown, name: string): void;
}

type Keyed = Record<string, unknown>;
type Bytes = ArrayBufferView | ArrayBufferLike;

/** The methods that distinguish the forms of a {@link Carrier}. A field of the same name is not a function. */
interface Methods {
  get?(name: unknown): unknown;
  getAll?(name: unknown): unknown;
  set?(name: unknown, value: unknown): void;
  delete?(name: unknown): void;
  append?(name: string, value: string): void;
  getSetCookie?(): string[];
  keys?(): Iterable<unknown>;
  getHeader?(name: string): unknown;
  getHeaderNames?(): string[];
  setHeader?(name: string, value: unknown): void;
  removeHeader?(name: string): void;
  getMap?(): object;
  remove?(name: string): void;
}

// 2 ns less per field than Object.hasOwn.
const { hasOwnProperty: isOwn } = Object.prototype;

/**
 * Reads propagation fields from any {@link Carrier}, in any letter case.
 *
 * `get` returns one string, or an array when the carrier holds the field more than once, two letter cases included. Each
 * byte becomes one character (exact Latin-1), so that a binary value survives. Only own properties count. Never throws:
 * what cannot be read is absent.
 *
 * @example
 * propagation.extract(context.active(), new Headers({ traceparent }), carrierGetter);
 */
export const carrierGetter: CarrierGetter = {
  get(carrier, name) {
    try {
      return readCarrier(carrier, name);
    } catch (error) {
      reportOnce('a carrier threw when a field was read; it counts as absent', error);
      return undefined;
    }
  },
  keys(carrier) {
    try {
      return carrierNames(carrier);
    } catch (error) {
      reportOnce(UNLISTABLE, error);
      return [];
    }
  },
  prefixed(carrier, prefix, limit) {
    try {
      return prefixedFields(carrier, prefix, limit);
    } catch (error) {
      reportOnce(UNLISTABLE, error);
      return [];
    }
  },
};

const UNLISTABLE = 'a carrier threw when its fields were listed; it counts as empty';

/**
 * Writes propagation fields to any {@link Carrier}, in place of every field of that name in any letter case. A field that
 * is not legal in a header is left out; a traceparent in a wrong form is repaired.
 *
 * gRPC's `Metadata` gets bytes for fields that end in `-bin`. HTTP messages and `Headers` get bytes as base64, as gRPC
 * specifies. Never throws: a frozen carrier stays as it is.
 *
 * @example
 * propagation.inject(context.active(), headers, carrierSetter);
 */
export const carrierSetter: CarrierSetter = {
  set(carrier, name, value) {
    try {
      const key = name.toLowerCase();
      const legal = isBytes(value) ? value : legalField(key, value);
      if (legal === undefined) removeFromCarrier(carrier, key);
      else writeCarrier(carrier, key, legal);
    } catch (error) {
      reportOnce(UNWRITABLE, error);
    }
  },
  delete(carrier, name) {
    try {
      removeFromCarrier(carrier, name);
    } catch (error) {
      reportOnce(UNWRITABLE, error);
    }
  },
};

const UNWRITABLE = 'a carrier could not be written (is it frozen?)';

/**
 * Reads Node's own header objects: names in lower case, repeats already joined.
 *
 * Kept beside {@link carrierGetter} because every request goes through it.
 */
export const nodeHeaderGetter: TextMapGetter<{ readonly [name: string]: string | string[] | undefined }> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => headers[name] ?? headers[name.toLowerCase()],
};

/** Returns what {@link carrierGetter} does, or throws the carrier's own error. */
export function readCarrier(carrier: unknown, name: string): string | string[] | undefined {
  if (typeof carrier !== 'object' || carrier === null) return undefined;
  // The value first: reading a missing property takes 1 ns, asking whether the object owns it takes 7.
  const value = (carrier as Keyed)[name];
  if (
    value !== undefined &&
    typeof value !== 'function' &&
    isOwn.call(carrier, name) &&
    isOnly(carrier, name)
  )
    return lines(value);
  return lines(search(carrier, name));
}

/**
 * Whether the carrier has `name` in no other letter case: two letter cases are two values, as two lines would be.
 *
 * Node's parsers make objects without a prototype, of lower-case names only; listing those takes ten times as long.
 */
function isOnly(carrier: object, name: string): boolean {
  if (Object.getPrototypeOf(carrier) === null) return true;
  for (const key in carrier) {
    if (key.length === name.length && key !== name && isName(key, name) && isOwn.call(carrier, key))
      return false;
  }
  return true;
}

function search(carrier: object, name: string): unknown {
  if (Array.isArray(carrier)) return pairValues(carrier, name);
  const { getHeader, get, keys } = carrier as Methods;
  if (typeof getHeader === 'function') return getHeader.call(carrier, name);
  // Bytes and sets have `keys` but no named fields.
  if (typeof get !== 'function')
    return typeof keys === 'function' ? undefined : objectValues(carrier as Keyed, name);
  // A carrier that cannot list its names, such as gRPC's metadata, finds them in any letter case.
  if (typeof keys !== 'function') return get.call(carrier, name);
  if (isHeaders(carrier)) {
    const value = get.call(carrier, name);
    // A `Headers` returns `null` for an absent field.
    if (value === null || (value !== undefined && value !== '')) return value;
  }
  const { getAll } = carrier as Methods;
  const read = typeof getAll === 'function' ? getAll : get;
  const found: unknown[] = [];
  for (const key of new Set(keys.call(carrier)))
    if (isName(key, name)) addValue(found, read.call(carrier, key));
  return found;
}

/**
 * Whether it is a `Headers` of any package, which finds names in any letter case. `URLSearchParams` and `FormData` do
 * not.
 */
function isHeaders(carrier: object): boolean {
  const { append, getAll, getSetCookie } = carrier as Methods;
  // Those of Bun and of workers have a `getAll`, too, which throws for any name but `set-cookie`.
  return typeof append === 'function' && (typeof getAll !== 'function' || typeof getSetCookie === 'function');
}

function objectValues(carrier: Keyed, name: string): unknown[] | undefined {
  let found: unknown[] | undefined;
  for (const key in carrier) {
    if (key.length === name.length && isName(key, name) && isOwn.call(carrier, key)) {
      found ??= [];
      addValue(found, carrier[key]);
    }
  }
  return found;
}

function pairValues(pairs: unknown[], name: string): unknown[] {
  const found: unknown[] = [];
  if (isFlat(pairs)) {
    for (let i = 0; i + 1 < pairs.length; i += 2) if (isName(pairs[i], name)) addValue(found, pairs[i + 1]);
  } else {
    for (const pair of pairs) if (Array.isArray(pair) && isName(pair[0], name)) addValue(found, pair[1]);
  }
  return found;
}

function addValue(found: unknown[], value: unknown): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && found.length <= MAX_LINES; i++) found.push(value[i]);
  } else if (value !== undefined && found.length <= MAX_LINES) {
    found.push(value);
  }
}

/** Whether names and values alternate in one array, as in Node's `rawHeaders`. */
function isFlat(pairs: unknown[]): boolean {
  return pairs.length > 0 && !Array.isArray(pairs[0]);
}

/** Returns one value as text, several as an array of texts. Values that are neither text nor bytes are left out. */
export function lines(value: unknown): string | string[] | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return isBytes(value) ? bytesToText(value) : undefined;
  if (value.length === 1 && typeof value[0] === 'string') return value[0];
  const found: string[] = [];
  for (let i = 0; i < value.length && found.length <= MAX_LINES && i < 2 * MAX_LINES; i++) {
    const item: unknown = value[i];
    if (typeof item === 'string') found.push(item);
    else if (isBytes(item)) found.push(bytesToText(item));
  }
  return found.length > 1 ? found : found[0];
}

/** Not by `instanceof`, because test runners and workers have classes of their own. */
function isBytes(value: unknown): value is Bytes {
  if (ArrayBuffer.isView(value)) return true;
  const tag = typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : '';
  return tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]';
}

/** Returns one character per byte. `TextDecoder('latin1')` stands for windows-1252 and would change 0x80 to 0x9f. */
function bytesToText(value: Bytes): string {
  // One byte more, so that a value over the limit is still recognized as over it.
  const end = Math.min(value.byteLength, MAX_LINE_LENGTH + 1);
  const isView = ArrayBuffer.isView(value);
  const memory = isView ? value.buffer : value;
  const start = isView ? value.byteOffset : 0;
  // Node's own way. A spread leaves 60 bytes of garbage for each character.
  if (globalThis.Buffer !== undefined)
    return (Buffer.isBuffer(value) ? value : Buffer.from(memory, start, end)).toString('latin1', 0, end);
  const bytes = new Uint8Array(memory, start, end);
  let text = '';
  for (let i = 0; i < end; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

/** Whether `key`, which may be bytes, is `name` in any letter case. */
function isName(key: unknown, name: string): boolean {
  if (key === name) return true;
  const text = typeof key === 'string' ? key : nameOf(key);
  if (text.length !== name.length) return false;
  // Most names of one length differ in the first character, names of one format in the last. Lower-casing would allocate.
  if ((text.charCodeAt(0) | 32) !== (name.charCodeAt(0) | 32)) return false;
  for (let i = text.length - 1; i >= 0; i--) {
    const code = text.charCodeAt(i);
    const wanted = name.charCodeAt(i);
    if (code === wanted) continue;
    const letter = code | 32;
    if (letter !== (wanted | 32) || letter < 97 || letter > 122) return false;
  }
  return true;
}

/** Returns '' for a key that is neither text nor bytes: it names no field. */
function nameOf(key: unknown): string {
  if (typeof key === 'string') return key;
  return isBytes(key) ? bytesToText(key) : '';
}

function carrierNames(carrier: unknown): string[] {
  if (typeof carrier !== 'object' || carrier === null) return [];
  return [...listedNames(carrier)].map(nameOf).filter((name) => name !== '');
}

function prefixedFields(carrier: unknown, prefix: string, limit: number): [string, string | string[]][] {
  const found: [string, string | string[]][] = [];
  // A plain object lists every letter case as a name of its own; searching for the others would list it again per name.
  const isObject = objectHasNames(carrier);
  for (const name of carrierNames(carrier)) {
    if (found.length === limit) break;
    if (!isName(name.slice(0, prefix.length), prefix)) continue;
    const value = isObject ? ownField(carrier as Keyed, name) : readCarrier(carrier, name);
    if (value !== undefined) found.push([name, value]);
  }
  return found;
}

/** Like {@link CarrierGetter.prefixed}, for any getter. One without that method is asked for each field in turn. */
export function readPrefixed<C>(
  getter: TextMapGetter<C>,
  carrier: C,
  prefix: string,
  limit: number,
): [string, string | string[]][] {
  const { prefixed } = getter as Partial<CarrierGetter>;
  if (typeof prefixed === 'function') return prefixed.call(getter, carrier, prefix, limit);
  const found: [string, string | string[]][] = [];
  for (const name of getter.keys(carrier)) {
    if (found.length === limit) break;
    if (typeof name !== 'string' || !isName(name.slice(0, prefix.length), prefix)) continue;
    try {
      const value = getter.get(carrier, name);
      if (value !== undefined) found.push([name, value]);
    } catch {
      // Only this field is lost.
    }
  }
  return found;
}

function objectHasNames(carrier: unknown): boolean {
  if (typeof carrier !== 'object' || carrier === null || Array.isArray(carrier)) return false;
  const { getHeader, get } = carrier as Methods;
  return typeof getHeader !== 'function' && typeof get !== 'function';
}

function ownField(carrier: Keyed, name: string): string | string[] | undefined {
  try {
    return lines(carrier[name]);
  } catch {
    return undefined;
  }
}

function listedNames(carrier: object): Iterable<unknown> {
  if (Array.isArray(carrier)) {
    return isFlat(carrier)
      ? carrier.filter((_, index) => index % 2 === 0)
      : carrier.map((pair) => (Array.isArray(pair) ? pair[0] : undefined));
  }
  const { getHeaderNames, getMap, get, keys } = carrier as Methods;
  if (typeof getHeaderNames === 'function') return getHeaderNames.call(carrier);
  if (typeof getMap === 'function') return Object.keys(getMap.call(carrier));
  return typeof get === 'function' && typeof keys === 'function' ? keys.call(carrier) : Object.keys(carrier);
}

/**
 * Does what {@link carrierSetter} does with a name and a value that are known to be legal, or throws the carrier's error.
 */
export function writeCarrier(carrier: unknown, name: string, value: unknown): void {
  if (typeof carrier !== 'object' || carrier === null || isBytes(carrier)) return;
  if (Array.isArray(carrier)) {
    const flat = isFlat(carrier);
    removeFromPairs(carrier, name);
    if (flat) carrier.push(name, value);
    else carrier.push([name, value]);
    return;
  }
  const { setHeader, set, keys, getAll, getMap } = carrier as Methods;
  if (typeof setHeader === 'function') {
    setHeader.call(carrier, name, fieldText(value));
  } else if (typeof set !== 'function') {
    removeFromObject(carrier as Keyed, name, true);
    assign(carrier as Keyed, name, value);
  } else if (typeof getMap === 'function') {
    set.call(carrier, name, name.endsWith('-bin') ? binary(value) : value);
  } else if (isHeaders(carrier)) {
    set.call(carrier, name, fieldText(value));
  } else {
    if (typeof keys === 'function') removeFromCarrier(carrier, name);
    set.call(carrier, name, typeof getAll === 'function' ? fieldText(value) : value);
  }
}

function assign(carrier: Keyed, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(carrier, name, { value, enumerable: true, configurable: true, writable: true });
  else carrier[name] = value;
}

/** Returns a field as text. Bytes become base64, as gRPC specifies for carriers that hold text only. */
export function fieldText(value: unknown): unknown {
  return isBytes(value) ? btoa(bytesToText(value)) : value;
}

/** Returns a binary field as a `Buffer`, the only class that gRPC's metadata accepts. */
function binary(value: unknown): unknown {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : value;
}

/** Removes a field in every letter case. Throws the carrier's own error. */
export function removeFromCarrier(carrier: unknown, name: string): void {
  if (typeof carrier !== 'object' || carrier === null || isBytes(carrier)) return;
  if (Array.isArray(carrier)) {
    removeFromPairs(carrier, name);
    return;
  }
  const { removeHeader, remove, delete: erase, keys } = carrier as Methods;
  if (typeof removeHeader === 'function') removeHeader.call(carrier, name);
  else if (typeof erase !== 'function')
    if (typeof remove === 'function') remove.call(carrier, name);
    else removeFromObject(carrier as Keyed, name, false);
  else if (typeof keys !== 'function' || isHeaders(carrier)) erase.call(carrier, name);
  else for (const key of [...keys.call(carrier)]) if (isName(key, name)) erase.call(carrier, key);
}

function removeFromObject(carrier: Keyed, name: string, keepExact: boolean): void {
  for (const key in carrier) {
    if (
      key.length === name.length &&
      isName(key, name) &&
      !(keepExact && key === name) &&
      isOwn.call(carrier, key)
    )
      delete carrier[key];
  }
}

function removeFromPairs(pairs: unknown[], name: string): void {
  const width = isFlat(pairs) ? 2 : 1;
  for (let i = pairs.length - (pairs.length % width) - width; i >= 0; i -= width) {
    const key = width === 2 ? pairs[i] : (pairs[i] as unknown[] | undefined)?.[0];
    if (isName(key, name)) pairs.splice(i, width);
  }
}
