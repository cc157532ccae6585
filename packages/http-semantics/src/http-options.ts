import type { Attributes, MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import type { RequestHookState, ResponseHookState } from '@throughline/core/seam';

/** The options that servers and clients share. */
export interface HttpOptions<
  Request,
  Outcome,
  State extends RequestHookState<Request> = RequestHookState<Request>,
> {
  /**
   * Makes the spans. Default: the provider registered with the API, looked up per request; if there is none, nothing is
   * recorded.
   */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Makes the instruments. Default: the registered one; if there is none, nothing is measured. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Reads the headers of incoming requests and writes those of outgoing ones. Default: the registered one; if there is
   * none, the caller's W3C fields are passed on as received.
   */
  readonly propagator?: TextMapPropagator | undefined;
  /**
   * Returns whether to make no span and no measurement of a request. Called once per request. The caller's context is
   * still passed on: to the calls that an ignored incoming request makes, and in the headers of an ignored outgoing one.
   * Default: no request is ignored.
   */
  readonly ignore?: ((request: Request) => boolean) | undefined;
  /**
   * Returns more attributes for the span. Called before the span starts, so that samplers see them. Default: there are
   * no more.
   */
  readonly attributes?: ((request: Request) => Attributes) | undefined;
  /**
   * Called once, when the span has started, before the handler runs or the request is sent; not called for a span that is
   * not recorded. Default: nothing is called.
   */
  readonly requestHook?: ((state: State) => void) | undefined;
  /**
   * Called once, when the response is over, after the other attributes are set and before the span ends; not called for a
   * span that is not recorded. Default: nothing is called.
   */
  readonly responseHook?: ((state: ResponseHookState<Request, Outcome>) => void) | undefined;
  /**
   * Request headers to record as `http.request.header.<name>`, named in any letter case. Of headers that hold credentials,
   * only the scheme or the names of the cookies are recorded. Default: none.
   */
  readonly captureRequestHeaders?: readonly string[] | undefined;
  /** Response headers to record as `http.response.header.<name>`, by the same rules. Default: none. */
  readonly captureResponseHeaders?: readonly string[] | undefined;
  /**
   * Names of query parameters whose values are recorded as `REDACTED`. Replaces the default: the conventions' list, and
   * names such as `token`, `password` and `api_key`.
   */
  readonly redactQuery?: readonly string[] | undefined;
}

/** The rules that the shared options are checked against. */
export const HTTP_OPTION_RULES = {
  tracerProvider: 'tracerProvider',
  meterProvider: 'meterProvider',
  propagator: 'propagator',
  ignore: 'function',
  spanName: 'function',
  attributes: 'function',
  requestHook: 'function',
  responseHook: 'function',
  captureRequestHeaders: 'names',
  captureResponseHeaders: 'names',
  redactQuery: 'names',
} as const;
