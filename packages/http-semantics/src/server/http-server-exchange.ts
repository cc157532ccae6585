import { type Attributes, type Context, INVALID_SPAN_CONTEXT, type Span, trace } from '@opentelemetry/api';
import type { ExtractionOutcome } from '@throughline/core';
import type { Failure, Operation, OperationResult, SecretSources } from '@throughline/core/seam';
import {
  errorType,
  guarded,
  isSecretHeader,
  namedRoute,
  type Redaction,
  semconv,
} from '@throughline/core/seam';
import { methodInName } from '../http-method.ts';
import type { HttpInstruments } from '../http-metrics.ts';
import { statusCodeOf } from '../status-code.ts';
import type { ForeignSpan } from './http-server-adoption.ts';
import { splitTarget } from './http-server-attributes.ts';
import type { HttpServerOptions } from './http-server-options.ts';
import type { HttpServerOutcome, HttpServerRequest } from './http-server-request.ts';
import type { ServerObserver } from './server-observer.ts';

/** One HTTP request with its response, being served. */
export interface HttpServerExchange {
  /** The context that handlers run in: it holds the span and the caller's baggage. */
  readonly context: Context;
  /** The SERVER span. It records nothing if the request is ignored or unsampled, or no SDK is registered. */
  readonly span: Span;
  /** How the caller's context was received. */
  readonly extraction: ExtractionOutcome;
  /** Whether the trust policy lets this caller's trace continue, if it brings one. */
  readonly trusted: boolean;
  /** Runs `fn` with {@link HttpServerExchange.context} active, and returns or throws what `fn` does. */
  run<T>(fn: () => T): T;
  /** Notes an error that a response is made of. Only the first counts; it is recorded if the response is an error. */
  fail(error: unknown): void;
  /** Names the route, `/items/:id`, where the framework does not. A route that the framework names takes precedence. */
  setRoute(template: string): void;
  /** Ends the span and measures the duration. Only the first call counts. Never throws. */
  end(outcome: HttpServerOutcome): void;
}

/** What all exchanges of a tracer share. */
export interface ServerSettings {
  readonly options: HttpServerOptions;
  readonly observer: ServerObserver;
  readonly redaction: Redaction;
  /** Response headers to record: lower-case header name and attribute name. */
  readonly capturedHeaders: readonly (readonly [header: string, attribute: string])[];
}

/** What was found when the request arrived. Empty for an ignored request. */
export interface ExchangeParts {
  readonly extraction?: ExtractionOutcome;
  readonly trusted?: boolean;
  /** Another instrumentation's span. */
  readonly adopted?: ForeignSpan;
  /** As computed at the start. Absent: nothing is measured. */
  readonly attributes?: Attributes;
  readonly measured?: HttpInstruments | undefined;
}

/** The names that the end of every request is described by. */
interface Completed {
  [semconv.ATTR_HTTP_ROUTE]: string | undefined;
  [semconv.ATTR_HTTP_RESPONSE_STATUS_CODE]: number | undefined;
}

const NOTHING: ExchangeParts = {};

/** A span that records nothing and names no trace. */
const NOT_RECORDED: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Returns whether the tracer with these settings has started `exchange`. */
export function isStartedWith(settings: ServerSettings, exchange: HttpServerExchange): boolean {
  return exchange instanceof Exchange && exchange.isStartedWith(settings);
}

/** An exchange whose operation has been started. It is the result of its operation, too, which saves an object and closures. */
export class Exchange implements HttpServerExchange, OperationResult {
  readonly context: Context;
  readonly span: Span;
  readonly extraction: ExtractionOutcome;
  readonly trusted: boolean;
  errorType: string | undefined;
  failure: Failure | undefined;
  measured: Attributes | undefined;
  readonly #settings: ServerSettings;
  readonly #request: HttpServerRequest;
  readonly #operation: Operation;
  readonly #adopted: ForeignSpan | undefined;
  readonly #attributes: Attributes | undefined;
  readonly #instruments: HttpInstruments | undefined;
  #route: string | undefined;
  #outcome: HttpServerOutcome | undefined;

  constructor(
    settings: ServerSettings,
    request: HttpServerRequest,
    operation: Operation,
    parts: ExchangeParts = NOTHING,
  ) {
    this.#settings = settings;
    this.#request = request;
    this.#operation = operation;
    this.context = operation.context;
    this.span = operation.span ?? NOT_RECORDED;
    this.#adopted = parts.adopted;
    this.#attributes = parts.attributes;
    this.#instruments = parts.measured;
    this.extraction = parts.extraction ?? 'absent';
    this.trusted = parts.trusted ?? false;
    const { requestHook, activeRequests } = settings.options;
    if (requestHook !== undefined && operation.recording)
      callHook('options.requestHook threw', requestHook, {
        span: this.span,
        request,
        extraction: this.extraction,
      });
    if (activeRequests === true) this.#addActive(1);
  }

  run<T>(fn: () => T): T {
    return this.#operation.run(fn);
  }

  fail(error: unknown): void {
    this.failure ??= { error, redact: this.#settings.redaction.errorText(() => secretsOf(this.#request)) };
  }

  setRoute(template: string): void {
    if (typeof template === 'string') this.#route = this.#settings.redaction.word(template);
  }

  end(given: HttpServerOutcome): void {
    if (this.#outcome !== undefined) return;
    if (this.#settings.observer.watching) this.#settings.observer.ended();
    const statusCode = statusCodeOf(given.statusCode);
    const outcome = statusCode === given.statusCode ? given : { ...given, statusCode };
    this.#outcome = outcome;
    this.#route = text(outcome.route) ?? this.#route ?? namedRoute(this.span) ?? text(outcome.mount);
    this.errorType = this.#errorTypeOf(outcome);
    if (this.#route !== undefined) this.#adopted?.setRoute(this.#route);
    if (this.#instruments !== undefined) this.measured = this.#metricAttributes(outcome);
    this.#operation.end(this);
    if (this.#settings.options.activeRequests === true) this.#addActive(-1);
  }

  complete(span: Span): Attributes {
    const { capturedHeaders, redaction } = this.#settings;
    const route = this.#route;
    if (route !== undefined)
      span.updateName(spanName(this.#settings, this.#request, this.#attributes, route));
    const late: Attributes & Completed = {
      'http.route': route,
      'http.response.status_code': this.#adopted === undefined ? this.#outcome?.statusCode : undefined,
    };
    for (const [name, attribute] of capturedHeaders) {
      const value = this.#outcome?.header?.(name);
      if (value !== undefined) late[attribute] = redaction.header(name, value);
    }
    return late;
  }

  hook(span: Span): void {
    const { responseHook } = this.#settings.options;
    const outcome = this.#outcome;
    if (responseHook === undefined || outcome === undefined) return;
    callHook('options.responseHook threw', responseHook, { span, request: this.#request, outcome });
  }

  /** Returns `error.type` by the conventions' rule for SERVER spans: for a 5xx or an incomplete response, not for a 4xx. */
  #errorTypeOf({ statusCode, cutShort }: HttpServerOutcome): string | undefined {
    const { failure } = this;
    if (cutShort === 'response_destroyed' && failure !== undefined) return errorType(failure.error);
    if (cutShort !== undefined) return cutShort;
    if (statusCode !== undefined) return statusCode >= 500 ? String(statusCode) : undefined;
    return failure === undefined ? undefined : errorType(failure.error);
  }

  #metricAttributes(outcome: HttpServerOutcome): Attributes {
    const route = this.#route;
    const error = this.errorType;
    const [method, scheme] = this.#methodAndScheme();
    const attributes: Attributes = {
      [semconv.ATTR_HTTP_REQUEST_METHOD]: method,
      [semconv.ATTR_URL_SCHEME]: scheme,
    };
    const { protocolVersion } = this.#request;
    if (outcome.statusCode !== undefined)
      attributes[semconv.ATTR_HTTP_RESPONSE_STATUS_CODE] = outcome.statusCode;
    if (route !== undefined) attributes[semconv.ATTR_HTTP_ROUTE] = route;
    if (error !== undefined) attributes[semconv.ATTR_ERROR_TYPE] = error;
    if (protocolVersion !== undefined) attributes[semconv.ATTR_NETWORK_PROTOCOL_VERSION] = protocolVersion;
    return attributes;
  }

  isStartedWith(settings: ServerSettings): boolean {
    return this.#settings === settings;
  }

  #addActive(change: 1 | -1): void {
    this.#instruments?.addActive(change, ...this.#methodAndScheme());
  }

  #methodAndScheme(): [method: string, scheme: string] {
    const attributes = this.#attributes;
    return [
      String(attributes?.[semconv.ATTR_HTTP_REQUEST_METHOD]),
      String(attributes?.[semconv.ATTR_URL_SCHEME]),
    ];
  }
}

/** Returns `value` if it is text: frameworks keep other values for routes, too. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Returns the span's name: `{method} {route}`, or the result of `options.spanName`. */
export function spanName(
  { options, redaction }: Pick<ServerSettings, 'options' | 'redaction'>,
  request: HttpServerRequest,
  attributes: Attributes | undefined,
  route: string | undefined,
): string {
  const method = methodInName(String(attributes?.[semconv.ATTR_HTTP_REQUEST_METHOD] ?? request.method));
  const standard = route === undefined ? method : `${method} ${route}`;
  const { spanName: custom } = options;
  if (custom === undefined) return standard;
  const name = customName(custom, request, route) ?? standard;
  return typeof name === 'string' && name !== '' ? redaction.word(name) : standard;
}

// Two functions by themselves, because their closures would be prepared for every request, with or without such an option.

function customName(
  custom: NonNullable<HttpServerOptions['spanName']>,
  request: HttpServerRequest,
  route: string | undefined,
): string | undefined {
  return guarded('options.spanName threw', () => custom(request, route));
}

function callHook<State>(cause: string, hook: (state: State) => unknown, state: State): void {
  guarded(cause, () => hook(state));
}

const TARGET_CREDENTIALS = /^https?:\/\/([^:/?#@]*):?([^/?#]*)@/i;

/** Returns the parts of a request that may hold secrets, which a recorded error must not repeat. */
function secretsOf({ target, headers }: HttpServerRequest): SecretSources {
  const { path, query } = splitTarget(target);
  const [, username, password] = TARGET_CREDENTIALS.exec(target) ?? [];
  const secret = Object.keys(headers).filter(isSecretHeader);
  return { path, query, username, password, headers: secret.flatMap((name) => headers[name] ?? []) };
}
