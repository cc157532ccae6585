import type { ExtractionOutcome, TrustPolicy } from '@throughline/core';
import type { RequestHookState, Scope } from '@throughline/core/seam';
import { isNames, isTrustPolicy, TRUST_FORMS } from '@throughline/core/seam';
import { HTTP_OPTION_RULES, type HttpOptions } from '../http-options.ts';
import type { HttpServerOutcome, HttpServerRequest } from './http-server-request.ts';

/** The argument of a server's `requestHook`. */
export interface HttpServerRequestHookState extends RequestHookState<HttpServerRequest> {
  /** How the caller's context was received. */
  readonly extraction: ExtractionOutcome;
}

/**
 * Options of every server adapter, under the same names everywhere.
 *
 * All are checked when the middleware is mounted. Functions are guarded: what they throw is reported to OpenTelemetry's
 * `diag` once per cause, and the request continues as if the option were not set.
 */
export interface HttpServerOptions
  extends HttpOptions<HttpServerRequest, HttpServerOutcome, HttpServerRequestHookState> {
  /** Which callers to trust with the trace, its sampling and its baggage. Default: `continue`, for every caller. */
  readonly trust?: TrustPolicy<HttpServerRequest> | undefined;
  /**
   * Returns the span's name. Called before the span starts, without a route, and again at the end if there is a route.
   * Return few different values, so never the path. Default: `{method} {route}`, `GET /items/:id`.
   */
  readonly spanName?: ((request: HttpServerRequest, route: string | undefined) => string) | undefined;
  /**
   * Whether to believe `Forwarded` and `X-Forwarded-*`: `true` from any sender, `false` from none.
   * Default: the framework's own proxy setting decides; where there is none, the headers are not read.
   */
  readonly trustProxy?: boolean | undefined;
  /**
   * Names of baggage entries to record as `baggage.<name>`, if the trust decision lets them in: at most 16 names, values
   * cut at 256 characters. **List no entry that may hold personal data or secrets.** Default: none.
   */
  readonly baggageAttributes?: readonly string[] | undefined;
  /** Whether to measure `http.server.active_requests`, too. Default: `false`. */
  readonly activeRequests?: boolean | undefined;
  /**
   * The response header in which the caller receives the ids of its request: `server-timing` as `trace;desc=00-…`, or the
   * older `traceresponse`. Never sent to callers whose trace {@link HttpServerOptions.trust} does not let continue.
   * Default: no header is sent.
   */
  readonly exposeTrace?: 'server-timing' | 'traceresponse' | undefined;
  /**
   * How mistakes in the set-up of this process's tracing are reported. Default: `warn`.
   *
   * - `warn`: once, at the first request, as a warning of the process; in production through OpenTelemetry's `diag`.
   * - `throw`: mounting throws if the SDK that is registered by then is incomplete; afterwards as `warn`, so that no request
   *   fails for it.
   * - `off`: not at all; nothing is checked.
   *
   * @see https://github.com/throughline-js/throughline/blob/main/docs/self-checks.md
   */
  readonly selfCheck?: 'warn' | 'throw' | 'off' | undefined;
}

/**
 * Checks the options of a server.
 *
 * @throws TypeError that names the option and what it got.
 */
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
