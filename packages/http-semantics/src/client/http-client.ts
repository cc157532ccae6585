import { type Attributes, type Context, SpanKind, type Tracer } from '@opentelemetry/api';
import {
  createRedaction,
  errorType,
  extraAttributes,
  guarded,
  isIgnoredRequest,
  Operation,
  type OptionRules,
  type Redaction,
  reportOnce,
  type Scope,
  semconv,
} from '@throughline/core/seam';
import { capturedHeaders } from '../captured-headers.ts';
import { knownMethods, methodInName, OTHER_METHOD } from '../http-method.ts';
import { httpInstruments } from '../http-metrics.ts';
import { statusCodeOf } from '../status-code.ts';
import {
  checkHttpClientOptions,
  type HttpClientConnection,
  type HttpClientOptions,
  type HttpClientOutcome,
  type HttpClientRequest,
} from './http-client-options.ts';

/** One outgoing request under way. */
export interface HttpClientCall {
  /** The context to inject: it holds the CLIENT span, or is the caller's context if no span is made. */
  readonly context: Context;
  /** Ends the span and measures the duration. Only the first call counts. Never throws. */
  end(outcome: HttpClientOutcome): void;
}

/** Starts the CLIENT span of one outgoing request, as a child of the span in `parent`. */
export type HttpClientTracer = (request: HttpClientRequest, parent: Context) => HttpClientCall;

/**
 * Returns a tracer for the requests that a client sends: one CLIENT span per attempt.
 *
 * @param scope Names the client, in errors and as instrumentation scope.
 * @param moreOptions Rules for the options that only this client has.
 * @throws TypeError that names the client, the option and what it got.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 */
export function createHttpClientTracer(
  options: HttpClientOptions,
  scope: Scope,
  moreOptions?: OptionRules,
): HttpClientTracer {
  checkHttpClientOptions(options, scope, moreOptions);
  const known = knownMethods();
  const redaction = createRedaction(options.redactQuery);
  const requestHeaders = capturedHeaders(options.captureRequestHeaders, semconv.ATTR_HTTP_REQUEST_HEADER);
  const responseHeaders = capturedHeaders(options.captureResponseHeaders, semconv.ATTR_HTTP_RESPONSE_HEADER);
  const tracer = scope.tracer(options.tracerProvider);
  const instruments = httpInstruments(scope, 'client', options.meterProvider);
  const { ignore, requestHook, responseHook } = options;

  return function start(request, parent) {
    const ignored =
      isIgnoredRequest(parent) ||
      (ignore !== undefined &&
        guarded('options.ignore threw; the call is traced', () => ignore(request), false) === true);
    const recorder = tracer();
    const measured = instruments();
    if (ignored || (recorder === undefined && measured === undefined)) return { context: parent, end() {} };

    const operation = new Operation(parent, recorder && spanStart(recorder, request), measured?.duration);
    const { span } = operation;
    if (requestHook !== undefined && span !== undefined && operation.recording)
      guarded('options.requestHook threw', () => requestHook({ span, request }));

    return {
      context: operation.context,
      end(given) {
        const statusCode = statusCodeOf(given.statusCode);
        const outcome = statusCode === given.statusCode ? given : { ...given, statusCode };
        const { error } = outcome;
        const errorType = clientErrorType(outcome);
        operation.end({
          errorType,
          failure:
            error === undefined
              ? undefined
              : { error, redact: redaction.errorText(() => secretsOf(request)) },
          measured: measured && measuredAttributes(request, outcome, errorType),
          complete: () => lastAttributes(outcome),
          hook:
            responseHook &&
            ((span) => guarded('options.responseHook threw', () => responseHook({ span, request, outcome }))),
        });
      },
    };
  };

  /** Written out, because `guarded` would need a closure per request. */
  function spanStart(recorder: Tracer, request: HttpClientRequest) {
    try {
      const name = nameOf(request);
      return { tracer: recorder, name, kind: SpanKind.CLIENT, attributes: startAttributes(request) };
    } catch (error) {
      reportOnce('a call could not be described; it is not recorded', error);
      return undefined;
    }
  }

  function startAttributes(request: HttpClientRequest): Attributes {
    const { method, url, resendCount } = request;
    const attributes: Attributes = {
      [semconv.ATTR_HTTP_REQUEST_METHOD]: recordedMethod(method),
      [semconv.ATTR_SERVER_ADDRESS]: addressOf(url),
      [semconv.ATTR_SERVER_PORT]: portOf(url),
      [semconv.ATTR_URL_FULL]: fullUrl(url, redaction),
    };
    if (!known.has(method)) attributes[semconv.ATTR_HTTP_REQUEST_METHOD_ORIGINAL] = method;
    if (resendCount) attributes[semconv.ATTR_HTTP_REQUEST_RESEND_COUNT] = resendCount;
    withHeaders(attributes, requestHeaders, request, redaction);
    if (options.attributes === undefined) return attributes;
    return Object.assign(attributes, extraAttributes(options.attributes, request));
  }

  function lastAttributes(outcome: HttpClientOutcome): Attributes {
    const { statusCode, connection } = outcome;
    const attributes: Attributes = {};
    if (statusCode !== undefined) attributes[semconv.ATTR_HTTP_RESPONSE_STATUS_CODE] = statusCode;
    if (connection !== undefined) describeConnection(attributes, connection);
    return withHeaders(attributes, responseHeaders, outcome, redaction);
  }

  /** Returns the attributes of the measurement. */
  function measuredAttributes(
    { method, url }: HttpClientRequest,
    { statusCode, connection }: HttpClientOutcome,
    errorType: string | undefined,
  ): Attributes {
    const attributes: Attributes = {
      [semconv.ATTR_HTTP_REQUEST_METHOD]: recordedMethod(method),
      [semconv.ATTR_SERVER_ADDRESS]: addressOf(url),
      [semconv.ATTR_SERVER_PORT]: portOf(url),
    };
    if (statusCode !== undefined) attributes[semconv.ATTR_HTTP_RESPONSE_STATUS_CODE] = statusCode;
    if (connection?.protocolVersion !== undefined)
      attributes[semconv.ATTR_NETWORK_PROTOCOL_VERSION] = connection.protocolVersion;
    if (errorType !== undefined) attributes[semconv.ATTR_ERROR_TYPE] = errorType;
    return attributes;
  }

  function recordedMethod(method: string): string {
    return known.has(method) ? method : OTHER_METHOD;
  }

  function nameOf(request: HttpClientRequest): string {
    const standard = methodInName(recordedMethod(request.method));
    const custom = options.spanName;
    if (custom === undefined) return standard;
    const name = guarded('options.spanName threw', () => custom(request), standard);
    return typeof name === 'string' && name !== '' ? redaction.word(name) : standard;
  }
}

/** Returns the host without the brackets of an IPv6 address. */
function addressOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

function describeConnection(attributes: Attributes, connection: HttpClientConnection): void {
  const { protocolVersion, peerAddress, peerPort } = connection;
  if (protocolVersion !== undefined) attributes[semconv.ATTR_NETWORK_PROTOCOL_VERSION] = protocolVersion;
  if (peerAddress === undefined) return;
  attributes[semconv.ATTR_NETWORK_PEER_ADDRESS] = peerAddress;
  attributes[semconv.ATTR_NETWORK_PEER_PORT] = peerPort;
}

/** Returns `error.type` by the conventions' rule for CLIENT spans: for a 4xx, a 5xx or a failure that is no cancellation. */
function clientErrorType({ statusCode, error, cancelled }: HttpClientOutcome): string | undefined {
  if (cancelled === true) return undefined;
  if (error !== undefined) return errorType(error);
  return statusCode !== undefined && statusCode >= 400 ? String(statusCode) : undefined;
}

/** Marks credentials, parameters in the path, a query or a fragment. */
const MAY_HOLD_SECRETS = /[?#=@]|%3d|%40/i;

/** Returns the URL without credentials and without the values of secret parameters. */
function fullUrl(url: URL, of: Redaction): string {
  const { href } = url;
  if (!MAY_HOLD_SECRETS.test(href)) return href;
  const { protocol, username, password, host, pathname, search, hash } = url;
  const credentials = username === '' && password === '' ? '' : 'REDACTED:REDACTED@';
  const query = search === '' ? '' : `?${of.query(search.slice(1))}`;
  const fragment = hash === '' ? '' : `#${of.query(hash.slice(1))}`;
  const path = of.path(pathname);
  // `href` also keeps a question mark or number sign at the end.
  if (credentials === '' && path === pathname && query === search && fragment === hash) return href;
  return `${protocol}//${credentials}${host}${path}${query}${fragment}`;
}

const CREDENTIAL_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'x-auth-token'];

/** Returns the parts of a request that may hold secrets, which a recorded error must not repeat. */
function secretsOf({ url, header }: HttpClientRequest) {
  return {
    username: url.username,
    password: url.password,
    path: url.pathname,
    query: url.search.slice(1),
    fragment: url.hash.slice(1),
    headers: CREDENTIAL_HEADERS.map((name) => header?.(name) ?? undefined),
  };
}

/** Adds the headers that the user listed, and returns the attributes. */
function withHeaders(
  attributes: Attributes,
  names: readonly (readonly [header: string, attribute: string])[],
  source: Pick<HttpClientRequest | HttpClientOutcome, 'header'>,
  redaction: Redaction,
): Attributes {
  for (const [name, attribute] of names) {
    const value = source.header?.(name);
    if (value !== null && value !== undefined) attributes[attribute] = redaction.header(name, value);
  }
  return attributes;
}
