import type { Attributes, MeterProvider, Span, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import type { HttpServerOutcome, HttpServerRequest } from './http-server-request.ts';
import { checkOptions, isNames, type Owner } from './option-check.ts';
import { isTrustPolicy, TRUST_FORMS, type TrustPolicy } from './trust.ts';

/** The part of a span that hooks may use: they can describe it, not end it. */
export type DescribableSpan = Pick<
  Span,
  'setAttribute' | 'setAttributes' | 'addEvent' | 'spanContext' | 'isRecording'
>;

/**
 * Options of every server adapter, under the same names everywhere.
 *
 * All are checked when the middleware is mounted. Functions among them are called in a guard: what they throw
 * goes to OpenTelemetry's `diag` once per cause, and the request goes on as if the option were not set.
 */
export interface HttpServerOptions {
  /** Makes the spans. Default: the provider registered with the API, looked up when a request arrives. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Makes the instruments. Default: the registered one; without any, nothing is measured. */
  readonly meterProvider?: MeterProvider | undefined;
  /** Reads the incoming headers. Default: the registered one; without any, W3C fields are passed on as received. */
  readonly propagator?: TextMapPropagator | undefined;
  /**
   * Asked once per request, first of all; `true` means that no span or measurement is made of it.
   * Outgoing calls of such a request still carry the caller's context on.
   */
  readonly ignore?: ((request: HttpServerRequest) => boolean) | undefined;
  /** Whom to trust with the trace, its sampling and its baggage. Default: `continue`. */
  readonly trust?: TrustPolicy | undefined;
  /**
   * The span's name. Called at the start without a route, and at the end again when there is one.
   * Default: `{method} {route}`, `GET /items/:id`. Keep it of few values: never the path.
   */
  readonly spanName?: ((request: HttpServerRequest, route: string | undefined) => string) | undefined;
  /** More attributes for the span, there from its creation, so that samplers see them. */
  readonly attributes?: ((request: HttpServerRequest) => Attributes) | undefined;
  /** Called when the span has started, if it is recorded. */
  readonly requestHook?: ((span: DescribableSpan, request: HttpServerRequest) => void) | undefined;
  /** Called before the span ends, if it is recorded. */
  readonly responseHook?:
    | ((span: DescribableSpan, outcome: HttpServerOutcome, request: HttpServerRequest) => void)
    | undefined;
  /** Request headers to record as `http.request.header.<name>`, in any letter case. Default: none. */
  readonly captureRequestHeaders?: readonly string[] | undefined;
  /** Response headers to record as `http.response.header.<name>`, in any letter case. Default: none. */
  readonly captureResponseHeaders?: readonly string[] | undefined;
  /** Names of query parameters whose values are replaced by `REDACTED`; replaces the built-in rules. */
  readonly redactQuery?: readonly string[] | undefined;
  /**
   * `true`: believe `Forwarded` and `X-Forwarded-*` whoever sends them; `false`: never.
   * Default: what the framework's own proxy setting has resolved, if it has one.
   */
  readonly trustProxy?: boolean | undefined;
  /**
   * Names of baggage entries to record as `baggage.<name>`, at most 16, values cut at 256 characters; after the
   * trust decision. **List no entry that may hold personal data or secrets.** Default: none.
   */
  readonly baggageAttributes?: readonly string[] | undefined;
  /** Also measure `http.server.active_requests`. Default: `false`. */
  readonly activeRequests?: boolean | undefined;
  /**
   * Tell the caller the ids of its request, in a response header: `server-timing` as `trace;desc=00-…`, or the
   * older `traceresponse`. Never told to callers that {@link HttpServerOptions.trust} does not let continue.
   * Default: no header.
   */
  readonly exposeTrace?: 'server-timing' | 'traceresponse' | undefined;
}

/** @throws TypeError that names the option and what it got. */
export function checkHttpServerOptions(options: HttpServerOptions, owner: Owner): void {
  checkOptions(options, owner, {
    tracerProvider: 'tracerProvider',
    meterProvider: 'meterProvider',
    propagator: 'propagator',
    ignore: 'function',
    trust: [isTrustPolicy, TRUST_FORMS],
    spanName: 'function',
    attributes: 'function',
    requestHook: 'function',
    responseHook: 'function',
    captureRequestHeaders: 'names',
    captureResponseHeaders: 'names',
    redactQuery: 'names',
    trustProxy: 'boolean',
    baggageAttributes: [(value) => isNames(value) && value.length <= 16, 'an array of at most 16 names'],
    activeRequests: 'boolean',
    exposeTrace: [
      (value) => value === 'server-timing' || value === 'traceresponse',
      "'server-timing' or 'traceresponse'",
    ],
  });
}
