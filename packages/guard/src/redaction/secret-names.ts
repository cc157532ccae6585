/** The parameters that the conventions list as signatures or credentials, in their own spelling and in capitals. */
const LISTED = [
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Goog-Signature',
].flatMap((name) => [name, name.toUpperCase()]);

/** Parts of names that reveal a secret, in any letter case and anywhere in the name. */
const TELLING =
  /token|secret|passw|passphrase|pwd|(?:api|access|account|private)[-_ .]?key|auth|session|signature|credential|jwt|^pass$/i;

/** Which names of parameters, headers and settings stand for a secret. */
export interface SecretNames {
  /** Whether `name` stands for a secret. It may be percent-encoded. */
  has(name: string): boolean;
  /** Matches every text that may have one of these names; a text without a match has none. Linear. */
  readonly anywhere: RegExp;
}

/**
 * Returns the listed names and, by default, the built-in ones: those that the conventions list, and those that speak for
 * themselves, such as `token`, `password`, `api_key`.
 *
 * @param listed Case-sensitive. Default: none.
 * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/
 */
export function secretNames(listed: readonly string[] = [], builtIn = true): SecretNames {
  const exact = new Set(builtIn ? [...listed, ...LISTED] : listed);
  const literals = [...exact].map((name) => name.replace(/[^\w-]/g, '\\$&'));
  const isSecret = (name: string) => exact.has(name) || (builtIn && TELLING.test(name));
  return {
    has: (name) => isSecret(name) || (/[%+]/.test(name) && isSecret(decoded(name))),
    // A percent sign may hide a name.
    anywhere: new RegExp(
      ['%', ...literals, ...(builtIn ? [TELLING.source, '^pass|[&;?]pass'] : [])].join('|'),
      'i',
    ),
  };
}

const ESCAPED_ASCII = /%([0-7][0-9a-f])/gi;

/** Percent-decodes a name, even one encoded twice or with broken escapes, which must not slip past the list. */
function decoded(name: string): string {
  let plain = name.replaceAll('+', ' ');
  for (let round = 0; round < 3 && plain.includes('%'); round++) {
    try {
      plain = decodeURIComponent(plain);
    } catch {
      plain = plain.replace(ESCAPED_ASCII, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    }
  }
  return plain;
}
