import type { SecretNames } from './secret-names.ts';
import { withoutUserinfo } from './userinfo.ts';

/** Longer text is cut: its length has no bound, and the work on it needs one. */
const MAX_LENGTH = 16_384;
/** More values than any honest request holds; each costs a pass. */
const MAX_KNOWN = 256;
/** So that a known value that the cut would halve is found whole. */
const OVERLAP = 2_048;

/**
 * Returns `text` with `REDACTED` for values that are known to be secret, for the credentials of URLs and of
 * `Authorization` headers, and for the values of a secret name: `sig=…`, `"password": "…"`, `cookie: …`.
 *
 * It redacts too much rather than too little. Linear, and bounded in length.
 *
 * @param known Values that are secret wherever they stand. Default: none.
 */
export function withoutSecrets(text: string, names: SecretNames, known: readonly string[] = []): string {
  if (known.length > MAX_KNOWN) return 'REDACTED';
  let seen = text.slice(0, MAX_LENGTH + OVERLAP);
  for (const value of known) if (seen.includes(value)) seen = seen.replaceAll(value, 'REDACTED');
  if (text.length > MAX_LENGTH) seen = cut(seen);
  return withoutCredentials(withoutValues(withoutUserinfo(withoutRefusedHeader(seen)), names));
}

/** Cuts at white space, because the word at the limit may be half of a secret. */
function cut(text: string): string {
  let end = Math.min(text.length, MAX_LENGTH);
  while (end > 0 && !/\s/.test(text[end] as string)) end--;
  return `${text.slice(0, end)}…`;
}

const REFUSED = '" is an invalid header ';

/** Redacts the message of `fetch` about a header that it refuses, which quotes the header's name or value. */
function withoutRefusedHeader(text: string): string {
  const end = text.lastIndexOf(REFUSED);
  const start = end === -1 ? -1 : text.indexOf(': "');
  return start === -1 || start >= end ? text : `${text.slice(0, start + 3)}REDACTED${text.slice(end)}`;
}

const CREDENTIALS = /\b(bearer|basic|digest|negotiate|dpop|apikey|aws4-hmac-sha256)([ \t]+)([^\s"'`,;]+)/gi;

function withoutCredentials(text: string): string {
  return text.replace(CREDENTIALS, '$1$2REDACTED');
}

/** Headers whose whole value is secret, up to the end of its line. */
const SECRET_LINE =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie2?|x-[\w-]*(?:key|token|secret|auth)[\w-]*)$/i;
const OPERATOR = /[=:]/g;
const NAME_END = /[\s&;?#/\\"'`(){}<>,=:|@]/;
const MAX_NAME = 128;
const QUOTES = '"\'`';
const LINE_END = /[\r\n]/g;
const VALUE_END = /[\s&;?"'`]/g;
const NEXT_PARAMETER = /[;?][^\s&;?=]{1,128}=/y;
/** A quote that one of these follows is part of the word. */
const IN_WORD = /[\w%]/;

function withoutValues(text: string, names: SecretNames): string {
  let seen = '';
  let from = 0;
  OPERATOR.lastIndex = 0;
  for (let found = OPERATOR.exec(text); found !== null; found = OPERATOR.exec(text)) {
    const { index } = found;
    const name = nameBefore(text, index, from);
    if (name === '') continue;
    let start = index + 1;
    while (start < index + 4 && (text[start] === ' ' || text[start] === '\\')) start++;
    const quoted = QUOTES.includes(text[start] ?? ' ');
    const line = SECRET_LINE.test(name);
    // A colon after a plain word is usually punctuation: "invalid token: too long".
    const assigns = found[0] === '=' || quoted || line || QUOTES.includes(text[index - 1] ?? ' ');
    if (!assigns || !(line || names.has(name))) continue;
    const end = quoted
      ? quoteEnd(text, start)
      : line && found[0] === ':'
        ? lineEnd(text, start)
        : valueEnd(text, start);
    if (end === start) continue;
    seen += `${text.slice(from, quoted ? start + 1 : start)}REDACTED`;
    from = end;
    OPERATOR.lastIndex = end;
  }
  return seen + text.slice(from);
}

/** Returns the name that ends before `end`, with or without quotes, or '' when there is none. */
function nameBefore(text: string, end: number, from: number): string {
  let last = end;
  while (last > from && end - last < 4 && ` "'\`\\`.includes(text[last - 1] as string)) last--;
  let first = last;
  while (first > from && last - first < MAX_NAME && !NAME_END.test(text[first - 1] as string)) first--;
  return text.slice(first, last).replace(/^\[/, '');
}

function quoteEnd(text: string, start: number): number {
  const end = text.indexOf(text[start] as string, start + 1);
  return end === -1 ? lineEnd(text, start) : end;
}

function lineEnd(text: string, start: number): number {
  LINE_END.lastIndex = start;
  return LINE_END.exec(text)?.index ?? text.length;
}

function valueEnd(text: string, start: number): number {
  VALUE_END.lastIndex = start;
  for (let found = VALUE_END.exec(text); found !== null; found = VALUE_END.exec(text)) {
    const [mark] = found;
    NEXT_PARAMETER.lastIndex = found.index;
    const continues = QUOTES.includes(mark)
      ? IN_WORD.test(text[found.index + 1] ?? ' ')
      : (mark === ';' || mark === '?') && !NEXT_PARAMETER.test(text);
    if (!continues) return found.index;
  }
  return text.length;
}
