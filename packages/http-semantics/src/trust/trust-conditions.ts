import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { isNames, Scope, typeName } from '@throughline/core/seam';
import type { HttpServerRequest } from '../server/http-server-request.ts';

/** Returns whether one condition for trusting a request's caller holds; see {@link trustWhen}. */
export type TrustCondition = (request: HttpServerRequest) => boolean;

const PREFIX_LENGTH = { 4: 32, 6: 128 } as const;

/**
 * Returns a condition that holds for connections from one of these ranges: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
 *
 * It looks at the other end of the connection, not at `X-Forwarded-For`, which the caller writes. Behind a proxy, that
 * end is the proxy. An IPv4 peer of a dual-stack socket (`::ffff:10.0.0.1`) counts as IPv4.
 *
 * @throws TypeError at set-up for an argument that is no range.
 * @example
 * const trust = trustWhen(fromCidr('10.0.0.0/8', 'fd00::/8'));
 */
export function fromCidr(...ranges: readonly string[]): TrustCondition {
  const scope = new Scope('http-semantics', 'fromCidr()');
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
 * Returns a condition that holds for paths that are one of these or lie below it: `/internal` covers `/internal/jobs` and
 * not `/internals`.
 *
 * Paths are compared as received, letter by letter. The condition never holds for a path with dot segments, empty segments
 * or backslashes, plain or percent-encoded: routers and proxies do not agree on where it leads.
 *
 * @throws TypeError at set-up for a prefix without its leading slash.
 * @example
 * const trust = trustWhen(toPath('/internal'));
 */
export function toPath(...prefixes: readonly string[]): TrustCondition {
  const scope = new Scope('http-semantics', 'toPath()');
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

/** `.`, `..`, `//`, `\`, and percent-encoded slashes. */
const AMBIGUOUS = /\/(\.|%2e){1,2}(\/|$)|\/\/|\\|%2f|%5c/i;

/**
 * Returns a condition that holds for requests over TLS whose peer showed a client certificate that the server's authorities
 * signed (`requestCert: true` and `ca` on the server).
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
 * Returns a condition that holds for requests with a secret in a header, compared in constant time.
 *
 * Anyone who sees the header can use it: send it over TLS only, and let the outermost proxy drop it from requests of
 * the internet. It is not recorded unless `captureRequestHeaders` lists it.
 *
 * @param secrets At least 16 characters each. Give several while one replaces another.
 * @throws TypeError at set-up. Its message never shows a secret.
 * @example
 * const trust = trustWhen(withSecretHeader('x-mesh-secret', process.env.MESH_SECRET ?? randomUUID()));
 */
export function withSecretHeader(header: string, ...secrets: readonly string[]): TrustCondition {
  const scope = new Scope('http-semantics', 'withSecretHeader()');
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
    // All are compared, so that the time does not show which one matched.
    return digests.map((expected) => timingSafeEqual(expected, shownDigest)).includes(true);
  };
}

/** Returns a digest, which has one length for any text: a comparison in constant time needs that. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Returns a condition that holds when all of these do.
 *
 * @example
 * const trust = trustWhen(allOf(fromCidr('10.0.0.0/8'), withClientCertificate()));
 */
export function allOf(...conditions: readonly TrustCondition[]): TrustCondition {
  checkConditions('allOf()', conditions);
  return (request) => conditions.every((condition) => holds(condition, request));
}

/**
 * Returns a condition that holds when at least one of these does.
 *
 * @example
 * const trust = trustWhen(anyOf(fromCidr('10.0.0.0/8'), withSecretHeader('x-mesh-secret', secret)));
 */
export function anyOf(...conditions: readonly TrustCondition[]): TrustCondition {
  checkConditions('anyOf()', conditions);
  return (request) => conditions.some((condition) => holds(condition, request));
}

/**
 * Checks that there are conditions and that all are functions.
 *
 * @throws TypeError otherwise.
 */
export function checkConditions(entry: string, conditions: readonly unknown[]): void {
  const wrong = conditions.find((condition) => typeof condition !== 'function');
  if (wrong !== undefined || conditions.length === 0 || conditions.includes(undefined))
    throw new Scope('http-semantics', entry).error(`a condition must be a function, got ${typeName(wrong)}`);
}

/** Returns whether a condition holds. Throws for a promise, and catches its rejection, which would end the process. */
export function holds(condition: TrustCondition, request: HttpServerRequest): boolean {
  const answer: unknown = condition(request);
  if (!(answer instanceof Promise)) return answer === true;
  answer.catch(() => {});
  throw new TypeError('a trust condition must answer at once, and returned a promise');
}
