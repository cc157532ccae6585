import type { BaggageRule } from '@throughline/core';
import { guarded, isPrivateHost } from '@throughline/core/seam';
import type { MessagingOperation } from './message.ts';

/**
 * Which messages may carry baggage: a destination by its whole name, a regular expression on the name, or a function
 * of the operation. A function that throws counts as `false` and is reported once.
 */
export type BaggageTarget = string | RegExp | ((operation: MessagingOperation) => boolean);

/** Which messages carry baggage, and which entries. */
export interface BaggageTargets {
  /**
   * Which messages carry baggage. Default: `all`, because the broker's permissions decide who sends and reads, and
   * its host does not show them. `private`: messages to a broker whose host is known and cannot be on the public
   * internet.
   */
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly BaggageTarget[] | undefined;
  /**
   * Names of the baggage entries that may leave this service in messages. Default: all of them. With a list, baggage
   * that could not be read, because no propagator is registered, is not sent.
   */
  readonly baggageEntries?: readonly string[] | undefined;
}

const isTarget = (value: unknown) =>
  (typeof value === 'string' && value !== '') || typeof value === 'function' || value instanceof RegExp;

/** The rules that the options are checked by. */
export const BAGGAGE_TARGET_RULES = {
  baggageEntries: 'names',
  baggageTo: [
    (value: unknown) =>
      typeof value === 'string'
        ? ['all', 'none', 'private'].includes(value)
        : Array.isArray(value) && value.every(isTarget),
    "'all', 'none', 'private' or an array of destinations, regular expressions or functions",
  ],
} as const;

/** Returns a function that decides which baggage an operation may carry. */
export function createBaggageDecider({
  baggageTo = 'all',
  baggageEntries,
}: BaggageTargets): (operation: MessagingOperation) => BaggageRule {
  const mayCarry = matcherOf(baggageTo);
  return (operation) => (mayCarry(operation) ? (baggageEntries ?? 'keep') : 'drop');
}

function matcherOf(
  targets: NonNullable<BaggageTargets['baggageTo']>,
): (operation: MessagingOperation) => boolean {
  if (targets === 'all') return () => true;
  if (targets === 'none') return () => false;
  if (targets === 'private')
    return ({ serverAddress }) => serverAddress !== undefined && isPrivateHost(serverAddress);
  const tests = targets.map(compile);
  return (operation) => tests.some((test) => test(operation));
}

function compile(target: BaggageTarget): (operation: MessagingOperation) => boolean {
  if (typeof target === 'function')
    return (operation) =>
      guarded(
        'a function of options.baggageTo threw; no baggage was sent',
        () => target(operation),
        false,
      ) === true;
  if (typeof target === 'string') return ({ destination }) => destination === target;
  // Without `g` and `y`, with which a result would depend on the previous one.
  const name = new RegExp(target.source, target.flags.replace(/[gy]/g, ''));
  return ({ destination }) => destination !== undefined && name.test(destination);
}
