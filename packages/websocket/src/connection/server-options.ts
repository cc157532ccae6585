import type { BaggageRule } from '@throughline/core';
import { guarded, type Scope } from '@throughline/core/seam';
import type { HttpServerOptions, HttpServerRequest } from '@throughline/http-semantics';
import type { MessageOptions } from './message-tracer.ts';

/** Which peers receive something: all, none, or those for whose handshake a function returns `true`. */
export type PeerChoice = 'all' | 'none' | ((handshake: HttpServerRequest) => boolean);

/**
 * Options of every server of sockets: those of an HTTP server, for the handshake, and these.
 *
 * `trust` decides once per connection, for its handshake and all of its messages. `ignore` leaves a whole connection out.
 */
export interface SocketServerOptions<Messages extends MessageOptions> extends HttpServerOptions {
  /**
   * Whether a handshake without a `traceparent` header is read from the query parameters `traceparent` and `tracestate`,
   * because browsers cannot set headers of a handshake. Baggage is never read from a URL. Default: `false`.
   */
  readonly contextFromQuery?: boolean | undefined;
  /** How messages are traced. Default: spans are made, and no context is carried. */
  readonly messages?: Messages | undefined;
  /** Which peers receive a context in messages, where messages carry one. Default: `all`. */
  readonly propagateTo?: PeerChoice | undefined;
  /** Which of these receive the baggage, too. Default: `none`, because any browser may be a peer. */
  readonly baggageTo?: PeerChoice | undefined;
  /** Names of the baggage entries that may leave this service. Default: all entries may leave. */
  readonly baggageEntries?: readonly string[] | undefined;
}

const CHOICE = [
  (value: unknown) => value === 'all' || value === 'none' || typeof value === 'function',
  "'all', 'none' or a function",
] as const;

/** @throws TypeError that names the option and what it got. */
export function checkServerOptions(
  options: Pick<
    SocketServerOptions<MessageOptions>,
    'contextFromQuery' | 'propagateTo' | 'baggageTo' | 'baggageEntries'
  >,
  scope: Scope,
): void {
  scope.check(options, {
    contextFromQuery: 'boolean',
    propagateTo: CHOICE,
    baggageTo: CHOICE,
    baggageEntries: 'names',
  });
}

/** Returns a function that decides what of a context the peer of a handshake may receive; `undefined` is nothing. */
export function createPeerDecider({
  propagateTo = 'all',
  baggageTo = 'none',
  baggageEntries,
}: Pick<SocketServerOptions<MessageOptions>, 'propagateTo' | 'baggageTo' | 'baggageEntries'>): (
  handshake: HttpServerRequest | undefined,
) => BaggageRule | undefined {
  return (handshake) => {
    if (!chooses(propagateTo, handshake)) return undefined;
    return chooses(baggageTo, handshake) ? (baggageEntries ?? 'keep') : 'drop';
  };
}

function chooses(choice: PeerChoice, handshake: HttpServerRequest | undefined): boolean {
  if (typeof choice === 'string') return choice === 'all';
  return (
    handshake !== undefined &&
    guarded('a function that chooses peers threw; nothing is sent', () => choice(handshake), false) === true
  );
}
