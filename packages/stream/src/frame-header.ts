/**
 * The bytes in front of each frame's data. The README describes them one by one, for peers in other languages.
 *
 * @module
 */
import { Buffer } from 'node:buffer';

/** `0xF5` occurs in no UTF-8 text, so no peer that sends text begins like this. */
const MAGIC = Buffer.from([0xf5, 0x54, 0x4c]);
const VERSION = 1;
const VERSION_AT = 3;
const FIELDS_LENGTH_AT = 4;
const DATA_LENGTH_AT = 6;
/** Magic, version, length of the fields, length of the data. */
const FIXED_LENGTH = 10;
/** The whole header, fields included. */
const MAX_HEADER_LENGTH = 9216;
const MAX_FIELDS_LENGTH = MAX_HEADER_LENGTH - FIXED_LENGTH;
/** The id of a field and the length of its value. */
const FIELD_START = 3;

/** By id, minus one. The order is that of writing: what does not fit beside the others is shortened last. */
const FIELDS = ['traceparent', 'tracestate', 'baggage'] as const;

/** The fields of a header. Several values are of a field that came several times. */
export type HeaderFields = Readonly<Record<string, string | string[]>>;

/** Lengths from a header's fixed part. */
export interface HeaderLengths {
  readonly fields: number;
  readonly data: number;
  /** Header and data. */
  readonly frame: number;
}

/** Returns the header for a frame with `dataLength` bytes of data. Members of baggage that do not fit are left out. */
export function printHeader(fields: Readonly<Record<string, string>>, dataLength: number): Buffer {
  const header = Buffer.allocUnsafe(MAX_HEADER_LENGTH);
  let end = FIXED_LENGTH;
  for (const [index, name] of FIELDS.entries()) {
    const value = wholeMembers(fields[name] ?? '', MAX_HEADER_LENGTH - end - FIELD_START);
    if (value === '') continue;
    header.writeUInt8(index + 1, end);
    header.writeUInt16BE(value.length, end + 1);
    header.write(value, end + FIELD_START, 'latin1');
    end += FIELD_START + value.length;
  }
  MAGIC.copy(header);
  header.writeUInt8(VERSION, VERSION_AT);
  header.writeUInt16BE(end - FIXED_LENGTH, FIELDS_LENGTH_AT);
  header.writeUInt32BE(dataLength, DATA_LENGTH_AT);
  return header.subarray(0, end);
}

function wholeMembers(list: string, length: number): string {
  return list.length <= length ? list : list.slice(0, Math.max(0, list.lastIndexOf(',', length)));
}

/**
 * Returns the lengths that the header at the start of `bytes` gives; the number of bytes that are needed to know them; or
 * `undefined` if the bytes do not start with a header.
 */
export function readLengths(bytes: Buffer): HeaderLengths | number | undefined {
  const seen = Math.min(bytes.length, MAGIC.length);
  if (bytes.compare(MAGIC, 0, seen, 0, seen) !== 0) return undefined;
  if (bytes.length > VERSION_AT && bytes[VERSION_AT] === 0) return undefined;
  if (bytes.length < FIXED_LENGTH) return FIXED_LENGTH;
  const fields = bytes.readUInt16BE(FIELDS_LENGTH_AT);
  const data = bytes.readUInt32BE(DATA_LENGTH_AT);
  return fields > MAX_FIELDS_LENGTH ? undefined : { fields, data, frame: FIXED_LENGTH + fields + data };
}

/** Returns the fields of a whole header, or `undefined` if they do not fill it exactly. Fields of unknown ids are skipped. */
export function readFields(bytes: Buffer, { fields: length }: HeaderLengths): HeaderFields | undefined {
  const found: Record<string, string | string[]> = {};
  const end = FIXED_LENGTH + length;
  let at = FIXED_LENGTH;
  while (at + FIELD_START <= end) {
    const name = FIELDS[bytes.readUInt8(at) - 1];
    const valueAt = at + FIELD_START;
    at = valueAt + bytes.readUInt16BE(at + 1);
    if (name === undefined) continue;
    const value = bytes.toString('latin1', valueAt, at);
    const before = found[name];
    found[name] = before === undefined ? value : [before, value].flat();
  }
  return at === end ? found : undefined;
}

/** Returns the data of a whole frame. */
export function dataOf(bytes: Buffer, { fields, frame }: HeaderLengths): Buffer {
  return bytes.subarray(FIXED_LENGTH + fields, frame);
}
