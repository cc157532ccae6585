import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { isNames, Scope, typeName } from '@throughline/core/seam';
import type { HttpServerRequest } from '../server/http-server-request.ts';

/** Whether one thing speaks for a request's caller; see {@link trustWhen}. */
export type TrustCondition = (request: HttpServerRequest) => boolean;

const PREFIX_LENGTH = { 4: 32, 6: 128 } as const;

/**
 * True for requests whose connection comes from one of these ranges: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
 *
 * It looks at the other end of the connection, not at `X-Forwarded-For`, which the caller writes. Behind a proxy
 * that end is the proxy. An IPv4 peer of a dual-stack socket (`::ffff:10.0.0.1`) counts as IPv4.
 *
 * @throws TypeError at set-up for what is no range.
 * @example
 * const trust = trustWhen(fromCidr('10.0.0.0/8', 'fd00::/8'));
 */
export function fromCidr(...ranges: readonly string[]): TrustCondition {
  const scope = new Scope('core', 'fromCidr()');
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', length, ...rest] = String(range).split('/');
    const family = isIP(address) as 0 | 4 | 6;
    const bits =
      length === undefined ? PREFIX_LENGTH[family || 4] : /^\d{1,3}$/.test(length) ? Number(length) : -1;
    if (family === 0 || rest.length > 0 || bits < 0 || bits > PREFIX_LENGTH[family])
      throw scope.error(`a range must be an IP address or CIDR such as '10.0.0.0/8', got ${typeName(range)}`);
    else list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  if (ranges.length === 0) throw scope.error('ranges must be one or more, got none');
  return function fromCidr({ peerAddress = '' }) {
    const address = peerAddress.split('%', 1)[0] as string;
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

/**
 * True for requests whose path is one of these or lies below it: `/internal` covers `/internal/jobs` and not
 * `/internals`.
 *
 * Compared as received, letter by letter. A path with dot segments, empty segments, backslashes or encoded ones of
 * these is below nothing: routers and proxies do not agree on where it leads.
 *
 * @throws TypeError at set-up for a prefix without its leading slash.
 * @example
 * const trust = trustWhen(toPath('/internal'));
 */
export function toPath(...prefixes: readonly string[]): TrustCondition {
  const scope = new Scope('core', 'toPath()');
  for (const prefix of prefixes)
    if (typeof prefix !== 'string' || !prefix.startsWith('/'))
      throw scope.error(`a prefix must be a path such as '/internal', got ${typeName(prefix)}`);
  if (prefixes.length === 0) throw scope.error('prefixes must be one or more, got none');
  const roots = prefixes.map((prefix) => prefix.replace(/\/+$/, ''));
  return function toPath({ target }) {
    const path = target.split(/[?#]/, 1)[0] as string;
    if (!path.startsWith('/') || AMBIGUOUS.test(path)) return false;
    return roots.some((root) => path === root || path.startsWith(`${root}/`));
  };
}

/** `.`, `..`, `//`, `\`, and slashes that are written in percent signs. */
const AMBIGUOUS = /\/(\.|%2e){1,2}(\/|$)|\/\/|\\|%2f|%5c/i;

/**
 * True for requests over TLS whose peer showed a client certificate that the server's authorities signed
 * (`requestCert: true` and `ca` on the server).
 *
 * @example
 * const trust = trustWhen(withClientCertificate());
 */
export function withClientCertificate(): TrustCondition {
  return function withClientCertificate({ peerAuthorized }) {
    return peerAuthorized === true;
  };
}

/**
 * True for requests that bring a secret in a header, compared in constant time.
 *
 * Anybody who sees the header can use it: send it over TLS only, and have the outermost proxy drop it from what
 * the internet sends. It is not recorded unless `captureRequestHeaders` lists it.
 *
 * @param secret At least 16 characters. Several, while one takes over from another.
 * @throws TypeError at set-up, which never shows the secret.
 * @example
 * const trust = trustWhen(withSecretHeader('x-mesh-secret', process.env.MESH_SECRET ?? randomUUID()));
 */
export function withSecretHeader(header: string, ...secrets: readonly string[]): TrustCondition {
  const scope = new Scope('core', 'withSecretHeader()');
  if (typeof header !== 'string' || !/^[\w-]+$/.test(header))
    throw scope.error(`header must be a header name, got ${typeName(header)}`);
  if (secrets.length === 0 || !isNames(secrets) || secrets.some(({ length }) => length < 16))
    throw scope.error('secret must be a string of at least 16 characters, got another');
  const name = header.toLowerCase();
  const digests = secrets.map(digest);
  return function withSecretHeader({ headers }) {
    const shown = headers[name];
    if (typeof shown !== 'string') return false;
    const shownDigest = digest(shown);
    // All are compared, so that the time does not show which one it was.
    return digests.map((expected) => timingSafeEqual(expected, shownDigest)).includes(true);
  };
}

/** Of one length for any text: what a comparison in constant time asks for. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * True when all of these conditions are.
 *
 * @example
 * const trust = trustWhen(allOf(fromCidr('10.0.0.0/8'), withClientCertificate()));
 */
export function allOf(...conditions: readonly TrustCondition[]): TrustCondition {
  checkConditions('allOf()', conditions);
  return (request) => conditions.every((condition) => holds(condition, request));
}

/**
 * True when one of these conditions is.
 *
 * @example
 * const trust = trustWhen(anyOf(fromCidr('10.0.0.0/8'), withSecretHeader('x-mesh-secret', secret)));
 */
export function anyOf(...conditions: readonly TrustCondition[]): TrustCondition {
  checkConditions('anyOf()', conditions);
  return (request) => conditions.some((condition) => holds(condition, request));
}

/** @throws TypeError unless these are conditions. */
export function checkConditions(entry: string, conditions: readonly unknown[]): void {
  const wrong = conditions.find((condition) => typeof condition !== 'function');
  if (wrong !== undefined || conditions.length === 0 || conditions.includes(undefined))
    throw new Scope('core', entry).error(`a condition must be a function, got ${typeName(wrong)}`);
}

/** Asks a condition; a promise is no answer, and its rejection must not end the process. */
export function holds(condition: TrustCondition, request: HttpServerRequest): boolean {
  const answer: unknown = condition(request);
  if (!(answer instanceof Promise)) return answer === true;
  answer.catch(() => {});
  throw new TypeError('a trust condition must answer at once, and returned a promise');
}
