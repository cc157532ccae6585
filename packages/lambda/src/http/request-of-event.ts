import type { HttpServerRequest, RequestHeaders } from '@throughline/http-semantics';
import {
  type HttpApiEvent,
  type HttpEvent,
  isHttpApi,
  isLoadBalancer,
  type RestEvent,
} from './http-event.ts';

/** Returns the request that an event stands for. */
export function requestOfEvent(event: HttpEvent): HttpServerRequest {
  if (isHttpApi(event)) return requestOfHttpApi(event);
  const headers = headersOf(event.headers, event.multiValueHeaders);
  const { httpMethod: method, path = '/' } = event;
  if (isLoadBalancer(event)) {
    // Its headers name the client, and anyone can send them: `trustProxy` decides.
    const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
    return { method, target: path + queryOf(event, (text) => text), scheme, headers };
  }
  const { path: sentPath, protocol, domainName, identity } = event.requestContext;
  return {
    method,
    target: (sentPath ?? path) + queryOf(event, encodeURIComponent),
    scheme: 'https',
    headers,
    protocolVersion: versionOf(protocol),
    peerAddress: identity?.sourceIp ?? undefined,
    forwarded: domainName === undefined ? undefined : { host: domainName },
  };
}

function requestOfHttpApi({
  headers,
  cookies,
  rawPath,
  rawQueryString,
  requestContext,
}: HttpApiEvent): HttpServerRequest {
  const { http, domainName } = requestContext;
  const found = headersOf(headers);
  return {
    method: http.method,
    target: (rawPath ?? http.path ?? '/') + (rawQueryString ? `?${rawQueryString}` : ''),
    scheme: 'https',
    headers: cookies?.length ? { ...found, cookie: cookies.join('; ') } : found,
    protocolVersion: versionOf(http.protocol),
    peerAddress: http.sourceIp,
    forwarded: domainName === undefined ? undefined : { host: domainName },
  };
}

/** Returns the template that matched, where the API has one: `/items/{id}`. */
export function routeOfEvent(event: HttpEvent): string | undefined {
  if (isLoadBalancer(event)) return undefined;
  if (!isHttpApi(event)) return event.resource ?? undefined;
  const path = event.routeKey?.split(' ')[1];
  return path?.startsWith('/') ? path : undefined;
}

/** Returns headers in Node's form. Names that differ in letter case only are one field. */
export function headersOf(
  single: { readonly [name: string]: unknown } | null | undefined,
  multiple?: { readonly [name: string]: readonly unknown[] | undefined } | null,
): RequestHeaders {
  const found = new Map<string, string[]>();
  for (const [name, given] of Object.entries(multiple ?? single ?? {})) {
    const values = (Array.isArray(given) ? given : [given])
      .filter((value) => value !== undefined)
      .map(String);
    const key = name.toLowerCase();
    found.set(key, [...(found.get(key) ?? []), ...values]);
  }
  const entries = [...found].map(
    ([name, values]) => [name, values.length === 1 ? values[0] : values] as const,
  );
  return Object.fromEntries(entries);
}

function queryOf(
  { queryStringParameters, multiValueQueryStringParameters }: Omit<RestEvent, 'requestContext'>,
  encode: (text: string) => string,
): string {
  const pairs = Object.entries(multiValueQueryStringParameters ?? queryStringParameters ?? {}).flatMap(
    ([name, values]) => [values ?? ''].flat().map((value) => `${encode(name)}=${encode(String(value))}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const versionOf = (protocol: string | undefined) => /^HTTP\/([\d.]+)$/.exec(protocol ?? '')?.[1];
