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
  /** How often this request was sent before, by redirect or retry. Absent or 0: it was not. */
  readonly resendCount?: number | undefined;
  /** Returns a header that the caller set, by lower-case name. Absent: no header is recorded. */
  readonly header?: ((name: string) => string | null | undefined) | undefined;
}

/** What a client knows of the connection that a response came over. */
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
  /** What the request failed with. Absent: it did not fail. */
  readonly error?: unknown;
  /** Whether the caller gave it up on purpose, by its abort signal, which is no error. Default: `false`. */
  readonly cancelled?: boolean | undefined;
  /** Returns a response header, by lower-case name. Absent: no header is recorded. */
  readonly header?: ((name: string) => string | null | undefined) | undefined;
  /** Absent: the client does not show it. */
  readonly connection?: HttpClientConnection | undefined;
}

/** What outgoing calls send, and to whom. */
export interface PropagationTargets {
  /** Writes the headers. Default: the registered one; if there is none, the caller's W3C fields are passed on. */
  readonly propagator?: TextMapPropagator | undefined;
  /**
   * Which origins receive the trace. With a list: those that it names, also when a redirect leads there. Default: every
   * origin that the caller names, and none that a redirect leads to.
   */
  readonly propagateTo?: 'all' | 'none' | readonly (Target | TargetWithPropagator)[] | undefined;
  /**
   * Which of these receive the baggage, too. Default: `private`, hosts that cannot be on the public internet,
   * because baggage holds what the application put there about its users.
   */
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly Target[] | undefined;
  /**
   * Names of the baggage entries that may leave this service, to any target. With a list, baggage that could not be read,
   * because no propagator is registered, stays here. Default: all entries may leave.
   */
  readonly baggageEntries?: readonly string[] | undefined;
}

/** Options of every HTTP client. All are checked at set-up; functions are guarded. */
export interface HttpClientOptions
  extends PropagationTargets,
    HttpOptions<HttpClientRequest, HttpClientOutcome> {
  /** Returns the span's name. Return few different values, so never the path. Default: the method. */
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
 * Checks the options that decide on targets.
 *
 * @internal Does not follow semantic versioning.
 * @throws TypeError that names the option and what it got.
 */
export function checkPropagationTargets(options: PropagationTargets, scope: Scope): void {
  scope.check(options, TARGET_RULES);
}

/**
 * Checks the options of a client; `more` are the rules of its own options.
 *
 * @throws TypeError that names the option and what it got.
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
