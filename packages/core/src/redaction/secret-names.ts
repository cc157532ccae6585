/** The conventions' list of parameters that carry a signature or a credential, in their own spelling or in capitals. */
const LISTED = [
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Goog-Signature',
].flatMap((name) => [name, name.toUpperCase()]);

/** Names that all but say what they hold. In any letter case, anywhere in the name. */
const TELLING =
  /token|secret|passw|passphrase|pwd|(?:api|access|account|private)[-_ .]?key|auth|session|signature|credential|jwt|^pass$/i;

/** Which names of parameters, headers and settings stand for a secret. */
export interface SecretNames {
  /** Whether `name`, as it was written, percent signs and all, stands for a secret. */
  has(name: string): boolean;
  /** Finds at once that a text has none of these names. Linear. */
  readonly anywhere: RegExp;
}

/**
 * The names that `listed` says, and by default those that the conventions list and those that show it by themselves,
 * such as `token`, `password`, `api_key`.
 *
 * @param listed Case-sensitive.
 * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/
 */
export function secretNames(listed: readonly string[] = [], builtIn = true): SecretNames {
  const exact = new Set(builtIn ? [...listed, ...LISTED] : listed);
  const literals = [...exact].map((name) => name.replace(/[^\w-]/g, '\\$&'));
  const isSecret = (name: string) => exact.has(name) || (builtIn && TELLING.test(name));
  return {
    has: (name) => isSecret(name) || (/[%+]/.test(name) && isSecret(decoded(name))),
    // A percent sign may hide a name from it, and what comes between two.
    anywhere: new RegExp(
      ['%', ...literals, ...(builtIn ? [TELLING.source, '^pass|[&;?]pass'] : [])].join('|'),
      'i',
    ),
  };
}

const ESCAPED_ASCII = /%([0-7][0-9a-f])/gi;

/** A name written with percent signs, even twice or next to broken ones, must not slip past the list. */
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
