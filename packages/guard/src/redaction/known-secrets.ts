import type { SecretNames } from './secret-names.ts';
import { withoutSecretParameters } from './secret-parameters.ts';

/** The parts of a request that may hold secrets. Absent ones hold none. */
export interface SecretSources {
  readonly path?: string | undefined;
  /** Query and fragment, without their marks. */
  readonly query?: string | undefined;
  readonly fragment?: string | undefined;
  /** As in the URL, percent-encoded. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Values of headers that hold credentials. */
  readonly headers?: readonly (string | undefined)[];
}

/** Shorter secrets occur inside ordinary words; they are found by their names only. */
const MIN_LENGTH = 4;
const MIN_NAME = 16;
const MIN_HEADER_PART = 6;
const SCHEME = /^(?:basic|bearer|digest|negotiate|aws4-hmac-sha256)$/i;

/**
 * Returns the secret values of a request in every form in which an error may quote them, the longest first: as sent,
 * percent-decoded, percent-encoded, within JSON, and as in `Authorization: Basic`.
 */
export function knownSecrets(
  { path = '', query = '', fragment = '', username = '', password = '', headers = [] }: SecretSources,
  names: SecretNames,
): string[] {
  const found = new Set<string>();
  const add = (value: string) => {
    for (const plain of [decoded(value), decoded(value.replaceAll('+', ' '))])
      for (const form of [value, plain, encoded(plain), JSON.stringify(plain).slice(1, -1)])
        if (form.length >= MIN_LENGTH) found.add(form);
  };
  for (const parameters of [query, fragment, ...path.split('/')])
    if (parameters.includes('=') || parameters.includes('%')) withoutSecretParameters(parameters, names, add);
  if (password !== '') add(password);
  if (password !== '') add(basic(`${decoded(username)}:${decoded(password)}`));
  // A short user name is an ordinary word that stands in many places; one that is a token is long.
  if (username.length >= MIN_NAME) add(username);
  for (const value of headers) {
    const basicPassword = passwordIn(value);
    if (basicPassword !== undefined) add(basicPassword);
    for (const part of value?.split(/[\s;,]+/) ?? [])
      for (const one of [part, part.slice(part.indexOf('=') + 1)])
        if (one.length >= MIN_HEADER_PART && !SCHEME.test(one)) add(one);
  }
  return [...found].sort((a, b) => b.length - a.length);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function encoded(plain: string): string {
  try {
    return encodeURIComponent(plain);
  } catch {
    // One half of a surrogate pair.
    return plain;
  }
}

/** Returns the password of `Authorization: Basic`, or `undefined` for any other value. */
function passwordIn(header: string | undefined): string | undefined {
  const [, coded] = /^basic +([\w+/=-]+) *$/i.exec(header ?? '') ?? [];
  if (coded === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(coded), (character) => character.charCodeAt(0));
    const credentials = new TextDecoder().decode(bytes);
    return credentials.slice(credentials.indexOf(':') + 1);
  } catch {
    // Not base64: the value is then secret as it stands, and in no other form.
    return undefined;
  }
}

function basic(credentials: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(credentials)));
}
