import type { Context } from '@opentelemetry/api';
import { filterBaggage, guarded, isPrivateHost } from '@throughline/core/seam';
import type { RpcCall } from './rpc-call.ts';

/**
 * A server, or several, to which calls may send the trace or baggage.
 *
 * - a string: a host with or without a port, `stock.internal`, `10.0.0.7:50051`, or with `*.` every host below one,
 *   `*.shop.example`;
 * - a regular expression, tested against host and port, `stock.internal:50051`;
 * - a function of the call. If it throws, nothing is sent, and the error is reported once.
 */
export type RpcTarget = string | RegExp | ((call: RpcCall) => boolean);

/** What calls send, and to whom. */
export interface RpcTargets {
  /** Which servers receive the trace. Default: `all`. */
  readonly propagateTo?: 'all' | 'none' | readonly RpcTarget[] | undefined;
  /**
   * Which of these receive the baggage, too. Default: `private`, hosts that cannot be on the public internet, because
   * baggage holds what the application put there about its users.
   */
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly RpcTarget[] | undefined;
  /** Names of the baggage entries that may leave this service. Default: all entries may leave. */
  readonly baggageEntries?: readonly string[] | undefined;
}

type Matcher = (call: RpcCall) => boolean;

const HOST = /^(\*\.)?(\[[\da-f:.]+\]|[^*:/\\?#@\s[\]]+|[\da-f]*:[\da-f:.]+)(:\d+)?$/i;

const isTarget = (value: unknown) =>
  typeof value === 'string' ? HOST.test(value) : typeof value === 'function' || value instanceof RegExp;

const targetsOr =
  (...words: string[]) =>
  (value: unknown) =>
    typeof value === 'string' ? words.includes(value) : Array.isArray(value) && value.every(isTarget);

const FORMS =
  "an array of hosts such as 'stock.internal' or '*.shop.example', regular expressions or functions";

/** The rules that the options are checked by. */
export const TARGET_RULES = {
  baggageEntries: 'names',
  propagateTo: [targetsOr('all', 'none'), `'all', 'none' or ${FORMS}`],
  baggageTo: [targetsOr('all', 'none', 'private'), `'all', 'none', 'private' or ${FORMS}`],
} as const;

/** Returns a function that leaves of a context what a call may send; `undefined`: nothing. */
export function createSendable({
  propagateTo = 'all',
  baggageTo = 'private',
  baggageEntries,
}: RpcTargets): (context: Context, call: RpcCall) => Context | undefined {
  const getsTrace = matcherOf(propagateTo);
  const getsBaggage = matcherOf(baggageTo);
  return (context, call) =>
    getsTrace(call)
      ? filterBaggage(context, getsBaggage(call) ? (baggageEntries ?? 'keep') : 'drop')
      : undefined;
}

function matcherOf(targets: 'all' | 'none' | 'private' | readonly RpcTarget[]): Matcher {
  if (targets === 'all') return () => true;
  if (targets === 'none') return () => false;
  // A call over a socket's path does not leave this machine.
  if (targets === 'private')
    return ({ serverAddress = '' }) => serverAddress.startsWith('/') || isPrivateHost(serverAddress);
  const tests = targets.map(compile);
  return (call) => tests.some((test) => test(call));
}

function compile(target: RpcTarget): Matcher {
  if (typeof target === 'function')
    return (call) => guarded('a target function threw; nothing was sent', () => target(call), false) === true;
  if (target instanceof RegExp) {
    // Without `g` and `y`, which would make a result depend on the one before.
    const authority = new RegExp(target.source, target.flags.replace(/[gy]/g, ''));
    return ({ serverAddress = '', serverPort }) =>
      authority.test(serverPort === undefined ? serverAddress : `${serverAddress}:${serverPort}`);
  }
  const [, wildcard, host = '', port] = HOST.exec(target.toLowerCase()) ?? [];
  const name = host.replace(/^\[(.*)\]$/, '$1');
  return ({ serverAddress = '', serverPort }) =>
    (port === undefined || port === `:${serverPort}`) &&
    (wildcard === undefined
      ? serverAddress.toLowerCase() === name
      : serverAddress.toLowerCase().endsWith(`.${name}`));
}
