/** The conventions' list of parameters that carry a signature or a credential; case-sensitive. */
const SECRET_PARAMETERS = [
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Goog-Signature',
];

/** Names that all but say what they hold. In any letter case, anywhere in the name. */
const SECRET_NAME = /token|secret|passw|pwd|api[-_]?key|auth|session|signature|credential/i;

/** Replaces the values of secret query parameters. */
export type QueryRedaction = (query: string) => string;

/**
 * A function that puts `REDACTED` in place of the values of secret parameters and leaves every other byte of the
 * query as it was, names and order included.
 *
 * @param names Replaces the built-in rules: the conventions' list and names such as `token`, `password`,
 * `api_key`. Case-sensitive; an empty list redacts nothing.
 * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/
 */
export function createQueryRedaction(names?: readonly string[]): QueryRedaction {
  const listed = new Set(names ?? SECRET_PARAMETERS);
  const isSecret = (name: string) => listed.has(name) || (names === undefined && SECRET_NAME.test(name));
  const literals = [...listed].map((name) => name.replace(/[^\w-]/g, '\\$&'));
  // One look at the whole query spares most of them the rest. A percent sign may hide a name from it.
  const suspicious = new RegExp(
    ['%', ...literals, ...(names === undefined ? [SECRET_NAME.source] : [])].join('|'),
    'i',
  );
  return (query) => {
    if (!suspicious.test(query)) return query;
    return query
      .split('&')
      .map((parameter) => {
        const end = parameter.indexOf('=');
        return end > 0 && isSecret(decoded(parameter.slice(0, end)))
          ? `${parameter.slice(0, end)}=REDACTED`
          : parameter;
      })
      .join('&');
  };
}

/** A name written with percent signs must not slip past the list. */
function decoded(name: string): string {
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
