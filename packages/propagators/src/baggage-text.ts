import { hexDigit } from './hex.ts';

const TOKEN = 1;
const OCTET = 2;
const PLAIN = 4;
// For each ASCII character: whether it may be part of an RFC 7230 token, whether it is a baggage-octet, and whether it is sent
// as it is. Of the octets, three are not: %, and two that other implementations misread. Python's takes + for a space, Rust's
// ends a value at its second =.
const KINDS = new Uint8Array(128);
for (let code = 0x21; code < 0x7f; code++) {
  const char = String.fromCharCode(code);
  KINDS[code] =
    ('()<>@,;:\\"/[]?={}'.includes(char) ? 0 : TOKEN) |
    ('",;\\'.includes(char) ? 0 : OCTET) |
    ('",;\\%+='.includes(char) ? 0 : PLAIN);
}

/** Whether the code is that of a character that is legal in a token. */
export function isTokenCode(code: number): boolean {
  return ((KINDS[code] ?? 0) & TOKEN) !== 0;
}

/** Whether the code is that of a baggage-octet that is sent without percent-coding. */
export function isPlainCode(code: number): boolean {
  return ((KINDS[code] ?? 0) & PLAIN) !== 0;
}

/** Returns the end of the token that begins at `start`, or `start` itself when there is none. */
export function tokenEnd(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && ((KINDS[text.charCodeAt(i)] ?? 0) & TOKEN) !== 0) i++;
  return i;
}

/** Returns the end of the run of baggage-octets that begins at `start`. */
export function octetsEnd(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && ((KINDS[text.charCodeAt(i)] ?? 0) & OCTET) !== 0) i++;
  return i;
}

/** Whether the text is a legal baggage key. Keys are never percent-coded. */
export function isToken(text: unknown): text is string {
  return typeof text === 'string' && text.length > 0 && tokenEnd(text, 0, text.length) === text.length;
}

// '%20' and so on, at the code of the character.
const ESCAPES = Array.from(
  { length: 128 },
  (_, code) => `%${code.toString(16).toUpperCase().padStart(2, '0')}`,
);

/**
 * Returns the text with `%`, `+`, `=` and every character that is not a baggage-octet as percent-coded UTF-8. A lone
 * surrogate, which has no UTF-8 form, becomes U+FFFD.
 *
 * @param received Whether the text came from a header: octets then stay as they are, and so does a `%` that begins an
 * escape. Default: `false`.
 */
export function encodeOctets(text: string, received = false): string {
  const stays = received ? OCTET : PLAIN;
  let out = '';
  let copied = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 37 ? received && isEscape(text, i) : ((KINDS[code] ?? 0) & stays) !== 0) continue;
    out += text.slice(copied, i);
    if (code < 128) {
      out += ESCAPES[code];
    } else {
      // A whole run keeps surrogate pairs together: half a pair would make encodeURIComponent throw.
      const start = i;
      while (i + 1 < text.length && text.charCodeAt(i + 1) >= 128) i++;
      out += encodeURIComponent(text.slice(start, i + 1).replace(/\p{Surrogate}/gu, '\ufffd'));
    }
    copied = i + 1;
  }
  return copied === 0 ? text : out + text.slice(copied);
}

function isEscape(text: string, i: number): boolean {
  return hexDigit(text.charCodeAt(i + 1)) !== -1 && hexDigit(text.charCodeAt(i + 2)) !== -1;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Decodes percent-coded UTF-8. Octets that are not UTF-8 become U+FFFD; a `%` that begins no escape stays. */
export function decodeOctets(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return utf8.decode(octetsOf(text));
  }
}

function octetsOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 37 && isEscape(text, i)) {
      octets[length++] = hexDigit(text.charCodeAt(i + 1)) * 16 + hexDigit(text.charCodeAt(i + 2));
      i += 2;
    } else {
      octets[length++] = code;
    }
  }
  return octets.subarray(0, length);
}
