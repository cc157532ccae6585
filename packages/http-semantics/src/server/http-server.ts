import {
  type Attributes,
  type Context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
} from '@opentelemetry/api';
import { baggageFields, type ExtractionOutcome, type TrustDecision } from '@throughline/core';
import {
  type Admission,
  admit,
  admitBaggage,
  createRedaction,
  createTrustDecider,
  extraAttributes,
  guarded,
  ignoreRequest,
  nodeHeaderGetter,
  Operation,
  outcomeOf,
  propagatorOf,
  receive,
  reportOnce,
  Scope,
  semconv,
} from '@throughline/core/seam';
import { capturedHeaders } from '../captured-headers.ts';
import { knownMethods } from '../http-method.ts';
import { httpInstruments } from '../http-metrics.ts';
import { disclaim, disclaimActiveSpan, type ForeignSpan, findForeignSpan } from './http-server-adoption.ts';
import { connectionAttributes, serverRequestAttributes } from './http-server-attributes.ts';
import {
  Exchange,
  type HttpServerExchange,
  isStartedWith,
  type ServerSettings,
  spanName,
} from './http-server-exchange.ts';
import { checkHttpServerOptions, type HttpServerOptions } from './http-server-options.ts';
import type { HttpServerRequest } from './http-server-request.ts';
import { NOT_OBSERVED, type ObserveServer, type ServerObserver } from './server-observer.ts';

/** Starts exchanges. One is made when the middleware is mounted. */
export interface HttpServerTracer {
  /** Extracts the caller's context, starts the SERVER span, and returns the exchange. Never throws. */
  start(request: HttpServerRequest): HttpServerExchange;
  /** The options that it was made with. */
  readonly options: HttpServerOptions;
  /**
   * Adapters report to it the facts that only they can see.
   *
   * @internal Does not follow semantic versioning.
   */
  readonly observer: ServerObserver;
  /**
   * Reports that a request came in that `exchange` already serves, unless this very tracer started it.
   *
   * @internal Does not follow semantic versioning.
   * @param namesRoute Whether the adapter names the route, which the first server does not.
   */
  servedTwice(exchange: HttpServerExchange, namesRoute: boolean): void;
}

/**
 * Returns a tracer for the requests that a server receives.
 *
 * Adapters build a request record, `run` the handler in the exchange, and `end` it when the response is over;
 * on Node, `traceNodeExchange` of `@throughline/http` does all three.
 *
 * @param scope Names the adapter, in error messages and as instrumentation scope.
 * @param observe Returns the observer of the server, such as `selfCheck` of `@throughline/self-check`. Default: there is none.
 * @throws TypeError when an option has the wrong type, and the error that `observe` throws, as with `selfCheck: 'throw'`.
 * Never throws while serving.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 * @example
 * const tracer = createHttpServerTracer();
 * const exchange = tracer.start({ method: 'GET', target: '/', scheme: 'http', headers: {} });
 * const response = exchange.run(() => new Response('hello'));
 * exchange.end({ statusCode: response.status });
 */
export function createHttpServerTracer(
  options: HttpServerOptions = {},
  scope: Scope = new Scope('http-semantics', 'createHttpServerTracer()'),
  observe: ObserveServer = () => NOT_OBSERVED,
): HttpServerTracer {
  checkHttpServerOptions(options, scope);
  const { ignore, trust: policy = 'continue' } = options;
  const decideTrust = createTrustDecider(policy);
  const tracer = scope.tracer(options.tracerProvider);
  const instruments = httpInstruments(scope, 'server', options.meterProvider);
  const redaction = createRedaction(options.redactQuery);
  const attributeRules = {
    knownMethods: knownMethods(),
    redaction,
    trustProxy: options.trustProxy,
    capturedHeaders: capturedHeaders(options.captureRequestHeaders, semconv.ATTR_HTTP_REQUEST_HEADER),
  };
  const observer = observe(options, scope);
  disclaimActiveSpan();
  const settings: ServerSettings = {
    options,
    redaction,
    observer,
    capturedHeaders: capturedHeaders(options.captureResponseHeaders, semconv.ATTR_HTTP_RESPONSE_HEADER),
  };

  function start(request: HttpServerRequest): HttpServerExchange {
    let exchange: HttpServerExchange;
    // Written out, as everywhere on the path of a request, because `guarded` would need a closure.
    try {
      exchange = begin(request);
    } catch (error) {
      reportOnce('a request could not be traced', error);
      exchange = new Exchange(settings, request, new Operation(ROOT_CONTEXT));
    }
    if (observer.watching) observer.started(exchange);
    return exchange;
  }

  function begin(request: HttpServerRequest): HttpServerExchange {
    const propagator = propagatorOf(options.propagator);
    const arrival = receive(propagator, request.headers, nodeHeaderGetter);
    const trust = decideTrust(request);
    const admission = admit(arrival, trust);
    if (isIgnored(request))
      return new Exchange(settings, request, new Operation(ignoreRequest(admission.context)));
    const arrived = outcomeOf(arrival, request.headers, propagator);
    const extraction = arrived === 'continued' && trust.parent !== 'continue' ? 'untrusted' : arrived;
    return serve(request, arrival.caller, trust, admission, extraction);
  }

  function isIgnored(request: HttpServerRequest): boolean {
    return ignore !== undefined && asksToIgnore(ignore, request);
  }

  function serve(
    request: HttpServerRequest,
    caller: SpanContext | undefined,
    trust: TrustDecision,
    admission: Admission,
    extraction: ExtractionOutcome,
  ): HttpServerExchange {
    const trusted = trust.parent === 'continue';
    const { conflicts, restartedFrom } = admission;
    const measured = instruments();
    measured?.countExtraction(extraction);
    if (conflicts.length > 0) measured?.countExtraction('conflict');

    const foreign = findForeignSpan(request, caller);
    if (foreign !== undefined && observer.watching) observer.foreign(foreign);
    if (foreign?.relation === 'server') {
      // Its owner has continued the caller's trace already; the baggage can still be kept out.
      const operation = Operation.adopted(foreign.span, admitBaggage(foreign.context, trust));
      return new Exchange(settings, request, operation, { adopted: foreign, extraction, trusted });
    }
    const parent =
      foreign?.relation === 'above' ? within(foreign, admission.context, trust) : admission.context;

    const recorder = tracer();
    if (recorder === undefined && measured === undefined)
      return new Exchange(settings, request, new Operation(parent), { extraction, trusted });
    const attributes = serverRequestAttributes(request, attributeRules);
    const beside = foreign?.relation === 'beside' ? foreign.span.spanContext() : undefined;
    const spanStart = recorder && {
      tracer: recorder,
      name: spanName(settings, request, attributes, undefined),
      kind: SpanKind.SERVER,
      attributes: withExtras(attributes, extraction, options, request, parent),
      links: links(restartedFrom ?? beside, conflicts),
    };
    const operation = new Operation(parent, spanStart, measured?.duration);
    if (spanStart !== undefined && operation.recording) {
      operation.describe(connectionAttributes(request, spanStart.attributes));
      if (operation.span !== undefined) disclaim(operation.span);
    }
    return new Exchange(settings, request, operation, { extraction, trusted, attributes, measured });
  }

  return {
    start,
    options,
    observer,
    servedTwice(exchange, namesRoute) {
      if (!isStartedWith(settings, exchange)) observer.servedTwice(namesRoute);
    },
  };
}

// By itself, because its closure would be prepared for every request.
function asksToIgnore(ignore: NonNullable<HttpServerOptions['ignore']>, request: HttpServerRequest): boolean {
  return guarded('options.ignore threw; the request is traced', () => ignore(request), false) === true;
}

/** Returns the request's attributes with the user's own, and with the extraction outcome if it is unusual. */
function withExtras(
  attributes: Attributes,
  extraction: ExtractionOutcome,
  { attributes: extra, baggageAttributes }: HttpServerOptions,
  request: HttpServerRequest,
  parent: Context,
): Attributes {
  const odd = extraction !== 'continued' && extraction !== 'absent';
  if (extra === undefined && baggageAttributes === undefined && !odd) return attributes;
  return {
    ...attributes,
    ...(baggageAttributes !== undefined && baggageFields(baggageAttributes, parent)),
    ...(odd && { [semconv.ATTR_THROUGHLINE_EXTRACT]: extraction }),
    ...extraAttributes(extra, request),
  };
}

/** Returns the context of another tracer's span, with no more baggage than the trust decision lets in. */
function within(foreign: ForeignSpan, parent: Context, trust: TrustDecision): Context {
  const context = admitBaggage(foreign.context, trust);
  const received = propagation.getBaggage(parent);
  // Not every tracer reads baggage.
  return received === undefined || propagation.getBaggage(context) !== undefined
    ? context
    : propagation.setBaggage(context, received);
}

const NO_LINKS: Link[] = [];

function links(restartedFrom: SpanContext | undefined, conflicting: readonly SpanContext[]): Link[] {
  if (restartedFrom === undefined && conflicting.length === 0) return NO_LINKS;
  return [...(restartedFrom === undefined ? [] : [restartedFrom]), ...conflicting].map((context) => ({
    context,
  }));
}
