const GAP = /(\s+)/;
const AUTHORITY_END = /[/?#\\]/g;
/**
 * `user:p` of `user:p/w@host` is not a host and a port, so the credentials continue after the `/` that seems to end them.
 */
const NO_PORT = /^[^[].*:\d*[^\d:]|^:/;
/** The characters that may precede `user:password@` without a scheme. */
const BEFORE_CREDENTIALS = new Set('/\\()[]{}<>,=;"\'`|?&#@');

/**
 * Returns `text` with `REDACTED:REDACTED` for the credentials before every host: `amqp://user:password@broker`, malformed
 * ones included. If `bare`, credentials without two slashes before them are redacted as well. Linear.
 */
export function withoutUserinfo(text: string, bare = true): string {
  if (!text.includes('@')) return text;
  const words = text.split(GAP);
  for (let at = 0; at < words.length; at += 2) {
    joinPassword(words, at);
    const word = words[at] as string;
    if (word.includes('@')) words[at] = wordWithoutUserinfo(word, bare);
  }
  return words.join('');
}

/** The words that a password with spaces may have. */
const MAX_WORDS = 8;

/** Joins the words of a password with spaces, which stands in a URL that nothing could parse. */
function joinPassword(words: string[], at: number): void {
  const word = words[at] as string;
  const start = word.lastIndexOf('//') + 2;
  const credentials = word.slice(start);
  if (start === 1 || credentials.includes('@') || !NO_PORT.test(credentials)) return;
  for (let next = at + 2; next < words.length && next <= at + 2 * MAX_WORDS; next += 2) {
    if (/[\r\n]/.test(words[next - 1] as string)) return;
    const last = words[next] as string;
    const end = last.lastIndexOf('@');
    if (end === -1) continue;
    words[at] = `${word.slice(0, start)}REDACTED:REDACTED${last.slice(end)}`;
    words.fill('', at + 1, next + 1);
    return;
  }
}

function wordWithoutUserinfo(word: string, bare: boolean): string {
  const lastAt = word.lastIndexOf('@');
  let seen = '';
  let from = 0;
  while (from <= lastAt) {
    const start = authorityStart(word, from);
    if (start === -1 || start > lastAt) break;
    AUTHORITY_END.lastIndex = start;
    const end = AUTHORITY_END.exec(word)?.index ?? word.length;
    const authority = word.slice(start, end);
    const own = authority.lastIndexOf('@');
    const at = own === -1 ? (NO_PORT.test(authority) ? lastAt : -1) : start + own;
    seen += at === -1 ? word.slice(from, end) : `${word.slice(from, start)}REDACTED:REDACTED@`;
    from = at === -1 ? end : at + 1;
  }
  return seen + (bare ? withoutBareUserinfo(word.slice(from)) : word.slice(from));
}

/** Returns where an authority begins: after two or more slashes or backslashes. -1: nowhere. */
function authorityStart(word: string, from: number): number {
  for (let at = from; at + 1 < word.length; at++) {
    if (!isSlash(word[at]) || !isSlash(word[at + 1])) continue;
    let start = at + 2;
    while (isSlash(word[start])) start++;
    return start;
  }
  return -1;
}

function isSlash(character: string | undefined): boolean {
  return character === '/' || character === '\\';
}

function withoutBareUserinfo(rest: string): string {
  let seen = '';
  let from = 0;
  for (let at = rest.indexOf('@'); at !== -1; at = rest.indexOf('@', at + 1)) {
    let start = at;
    while (start > from && !BEFORE_CREDENTIALS.has(rest[start - 1] as string)) start--;
    if (!rest.slice(start, at).includes(':')) continue;
    seen += `${rest.slice(from, start)}REDACTED:REDACTED`;
    // A password may contain an @ itself.
    for (let next = at + 1; next < rest.length; next++) {
      if (rest[next] === '@') at = next;
      else if (BEFORE_CREDENTIALS.has(rest[next] as string)) break;
    }
    from = at;
  }
  return seen + rest.slice(from);
}
