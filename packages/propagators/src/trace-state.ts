import type { TraceState } from '@opentelemetry/api';
import { isOws, MAX_TRACE_STATE_BYTES, trimOws } from '@throughline/carrier';

const MAX_MEMBERS = 32;
const MAX_KEY_LENGTH = 256;
const MAX_VALUE_LENGTH = 256;
const LONG_MEMBER_LENGTH = 128;
/**
 * The most characters that are sent, the least that the specification requires. Longer lists are cut by whole members.
 */
export const MAX_TRACE_STATE_LENGTH = 512;
/** The most characters that are read; a longer list is discarded unread. */
export const MAX_RECEIVED_TRACE_STATE_LENGTH = 8192;

/**
 * Level 2 `tracestate`: an ordered list of members, newest on the left.
 *
 * The text is parsed at the first use: when a member is read, or the list is sent. One bad member discards the whole
 * list, so unparsed text never reaches the wire.
 */
export class MemberList implements TraceState {
  // The received text until it is parsed; afterwards the canonical text, once it was serialized.
  #text: string | undefined;
  #members: ReadonlyMap<string, string> | undefined;

  constructor(received: string | undefined, members?: ReadonlyMap<string, string>) {
    this.#text = received;
    this.#members = members;
  }

  get(key: string): string | undefined {
    return this.#parsed().get(key);
  }

  /**
   * Returns the list with this member at the left. Beyond 32 members the right-most one is dropped. Returns the list
   * itself for an illegal key or value.
   */
  set(key: string, value: string): TraceState {
    if (!isKey(key) || !isValue(value)) return this;
    const members = new Map([[key, value]]);
    for (const [k, v] of this.#parsed()) {
      if (members.size === MAX_MEMBERS) break;
      if (k !== key) members.set(k, v);
    }
    return new MemberList(undefined, members);
  }

  unset(key: string): TraceState {
    if (!this.#parsed().has(key)) return this;
    const members = new Map(this.#parsed());
    members.delete(key);
    return new MemberList(undefined, members);
  }

  /** Returns `key=value,key=value`, at most 512 characters, or the empty string when there is nothing legal to send. */
  serialize(): string {
    return this.serializeTo(MAX_TRACE_STATE_LENGTH);
  }

  /** Returns the text of the list, cut to at most `length` characters. */
  serializeTo(length: number): string {
    const members = this.#parsed();
    this.#text ??= joined(members);
    return this.#text.length > length ? cut(this.#text.split(','), length) : this.#text;
  }

  #parsed(): ReadonlyMap<string, string> {
    if (this.#members === undefined) {
      this.#members = parseMembers(this.#text ?? '') ?? new Map();
      this.#text = undefined;
    }
    return this.#members;
  }
}

/**
 * Returns the `TraceState` of a header's text, by the Level 2 grammar. For samplers and tests.
 *
 * A list with a bad member, more than 32 members or more than 8192 characters is discarded: `serialize()` then returns
 * the empty string. Never throws.
 *
 * @see https://www.w3.org/TR/trace-context-2/#tracestate-header
 * @example
 * parseTraceState('vendor=1,other=2').set('mine', '3').serialize(); // 'mine=3,vendor=1,other=2'
 */
export function parseTraceState(header: string): TraceState {
  return new MemberList(
    typeof header === 'string' && header.length <= MAX_RECEIVED_TRACE_STATE_LENGTH ? header : '',
  );
}

/**
 * Returns the text that may be sent for a `TraceState` of any package, which is parsed here before it is believed.
 *
 * @param passedOn Whether it is passed on with the caller's own traceparent: it may then be longer.
 */
export function legalTraceState(traceState: TraceState, passedOn: boolean): string {
  if (traceState instanceof MemberList)
    return traceState.serializeTo(passedOn ? MAX_TRACE_STATE_BYTES : MAX_TRACE_STATE_LENGTH);
  return parseTraceState(traceState.serialize()).serialize();
}

/**
 * Returns the members in order, keeping the first of duplicate keys; `undefined` when one is bad or there are too many.
 */
export function parseMembers(text: string): Map<string, string> | undefined {
  const members = new Map<string, string>();
  let count = 0;
  let start = 0;
  while (start <= text.length) {
    let comma = text.indexOf(',', start);
    if (comma === -1) comma = text.length;
    let from = start;
    let to = comma;
    while (from < to && isOws(text.charCodeAt(from))) from++;
    while (to > from && isOws(text.charCodeAt(to - 1))) to--;
    start = comma + 1;
    if (from === to) continue;
    if (++count > MAX_MEMBERS) return undefined;
    const equals = text.indexOf('=', from);
    if (equals === -1 || equals >= to) return undefined;
    const key = text.slice(from, equals);
    const value = text.slice(equals + 1, to);
    if (!isKey(key) || !isValue(value)) return undefined;
    if (!members.has(key)) members.set(key, value);
  }
  return members;
}

/** Returns why a list is refused, in words, or `undefined` when it is not. */
export function traceStateFault(text: string): string | undefined {
  if (text.length > MAX_RECEIVED_TRACE_STATE_LENGTH) {
    return `longer than ${MAX_RECEIVED_TRACE_STATE_LENGTH} characters`;
  }
  if (parseMembers(text) !== undefined) return undefined;
  const members = text.split(',').map(trimOws).filter(Boolean);
  if (members.length > MAX_MEMBERS) return `more than ${MAX_MEMBERS} members`;
  const bad = members.findIndex((member) => parseMembers(member) === undefined);
  return `member ${bad + 1} is not key=value with a lower-case key, so the whole list is discarded`;
}

function isKey(key: unknown): key is string {
  if (typeof key !== 'string' || key.length === 0 || key.length > MAX_KEY_LENGTH) return false;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if ((code >= 97 && code <= 122) || (code >= 48 && code <= 57)) continue;
    // _ - * / @ are legal, but not as the first character.
    if (i > 0 && (code === 95 || code === 45 || code === 42 || code === 47 || code === 64)) continue;
    return false;
  }
  return true;
}

function isValue(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_VALUE_LENGTH) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 32 || code > 126 || code === 44 || code === 61) return false;
  }
  return value.charCodeAt(value.length - 1) !== 32;
}

function joined(members: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [key, value] of members) text += `${text === '' ? '' : ','}${key}=${value}`;
  return text;
}

/** Drops whole members: those over 128 characters first, then from the right. */
function cut(members: string[], limit: number): string {
  let length = members.reduce((sum, member) => sum + member.length + 1, -1);
  for (const floor of [LONG_MEMBER_LENGTH, 0]) {
    for (let i = members.length - 1; i >= 0 && length > limit; i--) {
      const member = members[i] ?? '';
      if (member.length <= floor) continue;
      length -= member.length + 1;
      members.splice(i, 1);
    }
  }
  return members.join(',');
}
