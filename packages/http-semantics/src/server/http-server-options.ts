import type { ExtractionOutcome, TrustPolicy } from '@throughline/core';
import type { Scope } from '@throughline/core/seam';
import { isNames, isTrustPolicy, TRUST_FORMS } from '@throughline/core/seam';
import { HTTP_OPTION_RULES, type HttpOptions, type RequestHookState } from '../http-options.ts';
import type { HttpServerOutcome, HttpServerRequest } from './http-server-request.ts';

/** What a server's `requestHook` gets. */
export interface HttpServerRequestHookState extends RequestHookState<HttpServerRequest> {
  /** How the caller's context was received. */
  readonly extraction: ExtractionOutcome;
}

/**
 * Options of every server adapter, under the same names everywhere.
 *
 * All are checked when the middleware is mounted. Functions among them are called in a guard: what they throw
 * goes to OpenTelemetry's `diag` once per cause, and the request continues as if the option were not set.
 */
export interface HttpServerOptions
  extends HttpOptions<HttpServerRequest, HttpServerOutcome, HttpServerRequestHookState> {
  /** Whom to trust with the trace, its sampling and its baggage. Default: `continue`. */
  readonly trust?: TrustPolicy<HttpServerRequest> | undefined;
  /**
   * The span's name. Called at the start without a route, and at the end again when there is one.
   * Default: `{method} {route}`, `GET /items/:id`. Keep it of few values: never the path.
   */
  readonly spanName?: ((request: HttpServerRequest, route: string | undefined) => string) | undefined;
  /**
   * `true`: believe `Forwarded` and `X-Forwarded-*` from any sender; `false`: never.
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
   * Send the caller the ids of its request, in a response header: `server-timing` as `trace;desc=00-…`, or the
   * older `traceresponse`. Never sent to callers that {@link HttpServerOptions.trust} does not let continue.
   * Default: no header.
   */
  readonly exposeTrace?: 'server-timing' | 'traceresponse' | undefined;
  /**
   * What to do when this process's tracing cannot work, or not as one would expect: `warn` says so once, at the
   * first request, as a warning of the process (in production through OpenTelemetry's `diag`); `throw` throws when
   * the middleware is mounted, if the SDK that is registered by then lacks something, and is `warn` from then on:
   * a request never pays; `off` looks at nothing. Default: `warn`.
   *
   * @see https://github.com/throughline-js/throughline/blob/main/docs/self-checks.md
   */
  readonly selfCheck?: 'warn' | 'throw' | 'off' | undefined;
}

/** @throws TypeError that names the option and what it got. */
export function checkHttpServerOptions(options: HttpServerOptions, scope: Scope): void {
  scope.check(options, {
    ...HTTP_OPTION_RULES,
    trust: [isTrustPolicy, TRUST_FORMS],
    trustProxy: 'boolean',
    baggageAttributes: [(value) => isNames(value) && value.length <= 16, 'an array of at most 16 names'],
    activeRequests: 'boolean',
    exposeTrace: [
      (value) => value === 'server-timing' || value === 'traceresponse',
      "'server-timing' or 'traceresponse'",
    ],
    selfCheck: [
      (value) => value === 'warn' || value === 'throw' || value === 'off',
      "'warn', 'throw' or 'off'",
    ],
  });
}
