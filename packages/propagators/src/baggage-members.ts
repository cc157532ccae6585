import type { Buffer } from 'node:buffer';
import type { BaggageEntry } from '@opentelemetry/api';
import { isOws, MAX_BAGGAGE_BYTES, MAX_BAGGAGE_MEMBERS, trimOws } from '@throughline/carrier';
import {
  decodeOctets,
  encodeOctets,
  isPlainCode,
  isToken,
  isTokenCode,
  octetsEnd,
  tokenEnd,
} from './baggage-text.ts';

/** The most characters that are read, over all header lines. */
export const MAX_BAGGAGE_SCANNED = 16_384;

const HEX_DIGITS = '0123456789ABCDEF';

/** One list member in a form that may be sent: without optional white space, with legal properties only. */
export interface BaggageMember {
  readonly key: string;
  /** Form: `key=value` or `key=value;property;property=value`. */
  readonly text: string;
  /** The end of the value in `text`. */
  readonly valueEnd: number;
}

/**
 * Returns the legal members of these header lines, in order and with duplicates, up to the limits. A malformed member or
 * property is left out alone.
 *
 * @param first Whether to stop after the first member. Default: `false`.
 */
export function readMembers(lines: readonly string[], first = false): BaggageMember[] {
  const members: BaggageMember[] = [];
  let unread = MAX_BAGGAGE_SCANNED;
  let bytes = -1;
  for (const line of lines) {
    // The limit may cut a member in two, and a part must not pass for the whole.
    const end = line.length <= unread ? line.length : line.lastIndexOf(',', unread - 1);
    let start = 0;
    while (start < end) {
      if (line.charCodeAt(start) === 44) {
        start++;
        continue;
      }
      const comma = line.indexOf(',', start);
      const to = comma === -1 ? end : comma;
      const member = readMember(line, start, to);
      if (member !== undefined && bytes + 1 + member.text.length <= MAX_BAGGAGE_BYTES) {
        members.push(member);
        bytes += 1 + member.text.length;
        if (first || members.length === MAX_BAGGAGE_MEMBERS) return members;
      }
      start = to + 1;
    }
    // An empty line counts as one character, so that the number of lines is bounded as well.
    unread -= line.length + 1;
    if (unread <= 0) break;
  }
  return members;
}

/** Whether these header lines have a legal member. */
export function hasMember(lines: readonly string[]): boolean {
  const [line = ''] = lines;
  // The usual first member is recognized where it stands. Escaped, it is at most three times as long.
  const limit = Math.floor(MAX_BAGGAGE_BYTES / 3);
  const keyEnd = tokenEnd(line, 0, Math.min(line.length, limit));
  if (keyEnd > 0 && line.charCodeAt(keyEnd) === EQUALS) {
    const end = octetsEnd(line, keyEnd + 1, Math.min(line.length, limit));
    if (end === line.length || line.charCodeAt(end) === COMMA) return true;
  }
  return readMembers(lines, true).length > 0;
}

const COMMA = 44;
const EQUALS = 61;

/** Returns the member in `line[from, to)`, or `undefined` when it is malformed. */
function readMember(line: string, from: number, to: number): BaggageMember | undefined {
  const keyStart = skipOws(line, from, to);
  const keyEnd = tokenEnd(line, keyStart, to);
  const equals = skipOws(line, keyEnd, to);
  if (keyEnd === keyStart || equals === to || line.charCodeAt(equals) !== 61) return undefined;
  const valueStart = skipOws(line, equals + 1, to);
  const valueEnd = octetsEnd(line, valueStart, to);
  const rest = skipOws(line, valueEnd, to);
  if (rest < to && line.charCodeAt(rest) !== 59) return undefined;
  const key = line.slice(keyStart, keyEnd);
  const value = line.slice(valueStart, valueEnd);
  const ready = equals === keyEnd && valueStart === equals + 1 && !value.includes('%');
  // A stray % is repaired; escapes stay as received.
  const pair = ready ? line.slice(keyStart, valueEnd) : `${key}=${encodeOctets(value, true)}`;
  if (rest === to) return { key, text: pair, valueEnd: pair.length };
  const properties = legalProperties(line.slice(rest + 1, to));
  return {
    key,
    text: properties === '' ? pair : `${pair};${properties}`,
    valueEnd: pair.length,
  };
}

function skipOws(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && isOws(text.charCodeAt(i))) i++;
  return i;
}

/** Returns the properties that may be sent, joined by `;`. A value keeps its escapes and gets the missing ones. */
export function legalProperties(text: string): string {
  const legal: string[] = [];
  for (const property of text.split(';')) {
    const equals = property.indexOf('=');
    const key = trimOws(equals === -1 ? property : property.slice(0, equals));
    if (!isToken(key)) continue;
    legal.push(equals === -1 ? key : `${key}=${encodeOctets(trimOws(property.slice(equals + 1)), true)}`);
  }
  return legal.join(';');
}

/**
 * Writes an entry to `bytes` at `start`, in the form in which it is sent, and returns its end. Returns `start` itself
 * when the key is not legal in a header, or the entry is too long or cannot be read.
 */
export function writeMember(bytes: Buffer, start: number, key: string, entry: BaggageEntry): number {
  try {
    const { value, metadata } = entry;
    if (typeof value !== 'string' || key.length === 0 || key.length + value.length >= MAX_BAGGAGE_BYTES) {
      return start;
    }
    let at = start;
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i);
      if (!isTokenCode(code)) return start;
      bytes[at++] = code;
    }
    bytes[at++] = 61;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (isPlainCode(code)) {
        bytes[at++] = code;
      } else if (code < 128) {
        bytes[at] = 37;
        bytes[at + 1] = HEX_DIGITS.charCodeAt(code >> 4);
        bytes[at + 2] = HEX_DIGITS.charCodeAt(code & 15);
        at += 3;
      } else {
        at += bytes.write(encodeOctets(value.slice(i)), at, 'latin1');
        break;
      }
    }
    if (metadata === undefined || metadata === null) return at;
    const wire = metadata.toString();
    if (at - start + wire.length > MAX_BAGGAGE_BYTES) return start;
    const properties = legalProperties(wire);
    return properties === '' ? at : at + bytes.write(`;${properties}`, at, 'latin1');
  } catch {
    return start;
  }
}

export function memberValue(member: BaggageMember): string {
  return decodeOctets(member.text.slice(member.key.length + 1, member.valueEnd));
}

/** Returns the properties in wire form, or `undefined` when the member has none. */
export function memberProperties(member: BaggageMember): string | undefined {
  return member.valueEnd === member.text.length ? undefined : member.text.slice(member.valueEnd + 1);
}
