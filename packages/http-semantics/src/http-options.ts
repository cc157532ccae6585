import type { Attributes, MeterProvider, Span, TextMapPropagator, TracerProvider } from '@opentelemetry/api';

/** The part of a span that hooks may use: they can describe it, not end it. */
export type DescribableSpan = Pick<
  Span,
  'setAttribute' | 'setAttributes' | 'addEvent' | 'spanContext' | 'isRecording'
>;

/** What `requestHook` gets. One object, so that it can grow. */
export interface RequestHookState<Request> {
  readonly span: DescribableSpan;
  readonly request: Request;
}

/** What `responseHook` gets. One object, so that it can grow. */
export interface ResponseHookState<Request, Outcome> {
  readonly span: DescribableSpan;
  readonly request: Request;
  readonly outcome: Outcome;
}

/** The options that servers and clients share. */
export interface HttpOptions<
  Request,
  Outcome,
  State extends RequestHookState<Request> = RequestHookState<Request>,
> {
  /** Makes the spans. Default: the provider registered with the API, looked up when a request is made or arrives. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Makes the instruments. Default: the registered one; without any, nothing is measured. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * Reads the headers of incoming requests, writes those of outgoing ones. Default: the registered one; without
   * any, the caller's W3C fields are passed on as received.
   */
  readonly propagator?: TextMapPropagator | undefined;
  /**
   * Asked once per request; `true` means that no span or measurement is made of it. The caller's context is passed on
   * all the same: to the calls that an ignored incoming request makes, in the headers of an ignored outgoing one.
   */
  readonly ignore?: ((request: Request) => boolean) | undefined;
  /** More attributes for the span, there from its creation, so that samplers see them. */
  readonly attributes?: ((request: Request) => Attributes) | undefined;
  /**
   * Called once when the span has started, before the handler runs or the request is sent. Not called when the span is
   * not recorded. Default: nothing is called.
   */
  readonly requestHook?: ((state: State) => void) | undefined;
  /**
   * Called once when the response is over, before the span ends and after its other attributes are set. Not called when
   * the span is not recorded. Default: nothing is called.
   */
  readonly responseHook?: ((state: ResponseHookState<Request, Outcome>) => void) | undefined;
  /**
   * Request headers to record as `http.request.header.<name>`, in any letter case. Of headers that hold credentials, the
   * scheme or the names of the cookies. Default: none.
   */
  readonly captureRequestHeaders?: readonly string[] | undefined;
  /** Response headers to record as `http.response.header.<name>`, by the same rules. Default: none. */
  readonly captureResponseHeaders?: readonly string[] | undefined;
  /** Names of query parameters whose values are replaced by `REDACTED`; replaces the built-in rules. */
  readonly redactQuery?: readonly string[] | undefined;
}

/** What the shared options must be. */
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
