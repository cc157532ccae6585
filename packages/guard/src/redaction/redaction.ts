import { knownSecrets, type SecretSources } from './known-secrets.ts';
import { secretNames } from './secret-names.ts';
import { withoutSecretParameters } from './secret-parameters.ts';
import { withoutSecrets } from './text-redaction.ts';
import { withoutUserinfo } from './userinfo.ts';

/** Keeps secrets out of what is recorded. Every method returns its text with `REDACTED` in place of secrets. */
export interface Redaction {
  /** For a query or a fragment, without its `?` or `#`. */
  query(query: string): string;
  /** For a path: its parameters, as in `/a;token=…`, and the credentials of a URL in it. */
  path(path: string): string;
  /** For text of unknown origin, such as messages and stacks. Bounded in length. */
  text(text: string): string;
  /** For a name or value that the user or a client built; rarely holds a secret, so this is cheap. */
  word(word: string): string;
  /** Returns a function for the message and stack of a request's error. `sources` is called at the first use. */
  errorText(sources: () => SecretSources): (text: string) => string;
  /** For the values of a header: a credential keeps its scheme, a cookie its name. */
  header(name: string, value: unknown): string[];
}

/** Found in a path or a word that may hold parameters or a URL. */
const TELLTALE = /[=@]|%3d|%40/i;
const ASSIGNMENT = /=|%3d/i;
const SCHEME = /^(\S+)[ \t].*/s;
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization']);
/** They name a host, or a way to authenticate. */
const NO_CREDENTIALS: ReadonlySet<string> = new Set([':authority', 'www-authenticate', 'proxy-authenticate']);
const BUILT_IN = secretNames();

/** Whether a header holds credentials, by its lower-case name. */
export function isSecretHeader(name: string): boolean {
  return name === 'cookie' || name === 'set-cookie' || (BUILT_IN.has(name) && !NO_CREDENTIALS.has(name));
}

/**
 * Returns a redaction.
 *
 * @param redactQuery Names of secret query parameters, in place of the built-in rules; for other text, both apply.
 * Default: the built-in rules.
 */
export function createRedaction(redactQuery?: readonly string[]): Redaction {
  const ofQuery = secretNames(redactQuery, redactQuery === undefined);
  const ofText = secretNames(redactQuery);
  const query = (text: string) =>
    ofQuery.anywhere.test(text) || text.includes('@') ? withoutSecretParameters(text, ofQuery) : text;
  const text = (given: string) => withoutSecrets(given, ofText);
  const word = (given: string) => (TELLTALE.test(given) ? text(given) : given);
  return {
    query,
    text,
    word,
    path(path) {
      if (!TELLTALE.test(path)) return path;
      return withoutUserinfo(path)
        .split('/')
        .map((segment) => (ASSIGNMENT.test(segment) ? query(segment) : segment))
        .join('/');
    },
    errorText(sources) {
      let known: readonly string[] | undefined;
      return (given) => {
        known ??= knownSecrets(sources(), ofQuery);
        return withoutSecrets(given, ofText, known);
      };
    },
    header(name, value) {
      const values = (Array.isArray(value) ? value : [value]).map(String);
      if (CREDENTIALS.has(name))
        return values.map((one) => (SCHEME.test(one) ? one.replace(SCHEME, '$1 REDACTED') : 'REDACTED'));
      if (name === 'cookie') return values.map((one) => one.replace(/=[^;]*/g, '=REDACTED'));
      if (name === 'set-cookie') return values.map((one) => one.replace(/^([^=;]*=)[^;]*/, '$1REDACTED'));
      if (NO_CREDENTIALS.has(name)) return values;
      return isSecretHeader(name) ? ['REDACTED'] : values.map(word);
    },
  };
}

/** The redaction by the built-in rules. */
export const redaction = createRedaction();
