import type { TextMapPropagator } from '@opentelemetry/api';
import type { OptionRules, Scope } from '@throughline/core/seam';
import type { HttpOptions } from '../http-options.ts';
import { HTTP_OPTION_RULES } from '../http-options.ts';
import { isTarget, type Target, type TargetWithPropagator } from './targets.ts';

/** One outgoing HTTP request: an attempt, a redirect hop. */
export interface HttpClientRequest {
  /** As sent, letter case kept: `GET`. */
  readonly method: string;
  readonly url: URL;
  /** How often this request was sent before, by redirect or retry. Absent or 0: never. */
  readonly resendCount?: number | undefined;
  /** Reads a header that the caller set, by lower-case name. */
  readonly header?: ((name: string) => string | null | undefined) | undefined;
}

/** The connection that a response came over, as far as the client knows it. */
export interface HttpClientConnection {
  /** Value of `network.protocol.version`: `1.1`, `2`. */
  readonly protocolVersion?: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
}

/** How an outgoing request ended. */
export interface HttpClientOutcome {
  /** Absent: no response came. */
  readonly statusCode?: number | undefined;
  /** What it failed with. */
  readonly error?: unknown;
  /** The caller gave it up on purpose, by its abort signal; that is not an error. */
  readonly cancelled?: boolean | undefined;
  /** Reads a response header, by lower-case name. */
  readonly header?: ((name: string) => string | null | undefined) | undefined;
  /** Absent: the client does not show it. */
  readonly connection?: HttpClientConnection | undefined;
}

/** What outgoing calls send, and to whom. */
export interface PropagationTargets {
  /** Writes the headers. Default: the registered one; without any, the caller's W3C fields are passed on. */
  readonly propagator?: TextMapPropagator | undefined;
  /**
   * Which origins receive the trace. Default: every one that the caller names, and by redirect none but the
   * origin that it named. With a list: the listed ones, named or redirected to.
   */
  readonly propagateTo?: 'all' | 'none' | readonly (Target | TargetWithPropagator)[] | undefined;
  /**
   * Which of these receive the baggage too. Default: `private`, hosts that cannot be on the public internet,
   * because baggage holds what the application put there about its users.
   */
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly Target[] | undefined;
  /**
   * Names of the baggage entries that may leave this service, wherever they go. Default: all of them. With a list,
   * baggage that no propagator could read, because none is registered, stays here.
   */
  readonly baggageEntries?: readonly string[] | undefined;
}

/** Options of every HTTP client. All are checked at set-up; functions are called in a guard. */
export interface HttpClientOptions
  extends PropagationTargets,
    HttpOptions<HttpClientRequest, HttpClientOutcome> {
  /** The span's name. Default: the method. Keep it of few values: never the path. */
  readonly spanName?: ((request: HttpClientRequest) => string) | undefined;
}

const TARGET_FORMS =
  "origins such as 'https://api.example.com' or 'https://*.example.com', regular expressions or functions";

const TARGET_RULES = {
  propagator: 'propagator',
  baggageEntries: 'names',
  propagateTo: [targetsOr('all', 'none'), `'all', 'none' or an array of ${TARGET_FORMS}`],
  baggageTo: [targetsOr('all', 'none', 'private'), `'all', 'none', 'private' or an array of ${TARGET_FORMS}`],
} as const;

function targetsOr(...words: string[]) {
  return (value: unknown) =>
    typeof value === 'string' ? words.includes(value) : Array.isArray(value) && value.every(isTarget);
}

/**
 * @throws TypeError that names the option and what it got.
 *
 * @internal Does not follow semantic versioning.
 */
export function checkPropagationTargets(options: PropagationTargets, scope: Scope): void {
  scope.check(options, TARGET_RULES);
}

/**
 * @throws TypeError that names the option and what it got.
 *
 * @internal Does not follow semantic versioning.
 */
export function checkHttpClientOptions(
  options: HttpClientOptions,
  scope: Scope,
  more: OptionRules = {},
): void {
  scope.check(options, {
    ...HTTP_OPTION_RULES,
    ...TARGET_RULES,
    ...more,
  });
}
