import type { Attributes } from '@opentelemetry/api';
import type { Redaction } from '@throughline/core/seam';
import { semconv } from '@throughline/core/seam';
import { OTHER_METHOD } from '../http-method.ts';
import { parseAuthority } from './authority.ts';
import { readForwarded } from './forwarded.ts';
import type { HttpServerRequest } from './http-server-request.ts';

/** What the attributes of a request depend on; known when the middleware is mounted. */
export interface ServerAttributeRules {
  readonly knownMethods: ReadonlySet<string>;
  readonly redaction: Redaction;
  readonly trustProxy: boolean | undefined;
  /** Lower-case header name and attribute name. */
  readonly capturedHeaders: readonly (readonly [header: string, attribute: string])[];
}

/** The names that every request is described by. The compiler holds the written ones to the conventions'. */
interface Described {
  [semconv.ATTR_HTTP_REQUEST_METHOD]: string;
  [semconv.ATTR_URL_PATH]: string;
  [semconv.ATTR_URL_SCHEME]: string;
  [semconv.ATTR_URL_QUERY]: string | undefined;
  [semconv.ATTR_SERVER_ADDRESS]: string | undefined;
  [semconv.ATTR_SERVER_PORT]: number | undefined;
  [semconv.ATTR_CLIENT_ADDRESS]: string | undefined;
  [semconv.ATTR_USER_AGENT_ORIGINAL]: string | undefined;
}

/**
 * Returns the attributes of a SERVER span that are known when the request arrives.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 */
export function serverRequestAttributes(request: HttpServerRequest, rules: ServerAttributeRules): Attributes {
  const { headers, method, peerAddress } = request;
  const known = rules.knownMethods.has(method);
  const forwarded =
    rules.trustProxy === true
      ? readForwarded(headers)
      : rules.trustProxy === false
        ? undefined
        : request.forwarded;
  const scheme = forwarded?.scheme ?? request.scheme;
  const target = splitTarget(request.target);
  const authority = parseAuthority(forwarded?.host ?? target.authority ?? authorityHeader(headers) ?? '');
  const userAgent = headers['user-agent'];
  // One literal with written names makes one object of its final size; what is absent is skipped by every SDK.
  const attributes: Attributes & Described = {
    'http.request.method': known ? method : OTHER_METHOD,
    'url.path': rules.redaction.path(target.path),
    'url.scheme': scheme,
    'url.query': target.query === undefined ? undefined : rules.redaction.query(target.query),
    'server.address': authority?.address,
    'server.port': authority && (authority.port ?? (scheme === 'https' ? 443 : 80)),
    'client.address': forwarded?.clientAddress ?? peerAddress,
    'user_agent.original': typeof userAgent === 'string' ? userAgent : undefined,
  };
  if (!known) attributes[semconv.ATTR_HTTP_REQUEST_METHOD_ORIGINAL] = method;
  for (const [name, attribute] of rules.capturedHeaders) {
    const value = headers[name];
    if (value !== undefined) attributes[attribute] = rules.redaction.header(name, value);
  }
  return attributes;
}

/**
 * Returns what is known of the connection, except what `given` has already.
 *
 * Set after the start, because no sampler needs them: an SDK validates start attributes twice, later ones once, and
 * skips them on unrecorded spans.
 */
export function connectionAttributes(
  { peerAddress, peerPort, protocolVersion }: HttpServerRequest,
  given: Attributes,
): Attributes {
  const found: Attributes & Connected = {
    'network.peer.address': unless(given, semconv.ATTR_NETWORK_PEER_ADDRESS, peerAddress),
    'network.peer.port': unless(given, semconv.ATTR_NETWORK_PEER_PORT, peerPort),
    'network.protocol.version': unless(given, semconv.ATTR_NETWORK_PROTOCOL_VERSION, protocolVersion),
  };
  return found;
}

interface Connected {
  [semconv.ATTR_NETWORK_PEER_ADDRESS]: string | undefined;
  [semconv.ATTR_NETWORK_PEER_PORT]: number | undefined;
  [semconv.ATTR_NETWORK_PROTOCOL_VERSION]: string | undefined;
}

function unless<V>(given: Attributes, name: string, value: V): V | undefined {
  return name in given ? undefined : value;
}

function authorityHeader(headers: HttpServerRequest['headers']): string | undefined {
  const value = headers[':authority'] ?? headers.host;
  return Array.isArray(value) ? value[0] : value;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/i;

/** Returns path and query of a request-target of any form, and the authority if the target is a whole URL. */
export function splitTarget(target: string): {
  path: string;
  query: string | undefined;
  authority: string | undefined;
} {
  if (target.charCodeAt(0) !== SLASH) {
    const absolute = ABSOLUTE.exec(target);
    if (absolute) return { authority: absolute[1], path: absolute[2] || '/', query: absolute[3] };
  }
  const fragment = target.indexOf('#');
  const end = fragment === -1 ? target.length : fragment;
  const mark = target.indexOf('?');
  return mark === -1 || mark > end
    ? { path: target.slice(0, end), query: undefined, authority: undefined }
    : { path: target.slice(0, mark), query: target.slice(mark + 1, end), authority: undefined };
}

const SLASH = 0x2f;
