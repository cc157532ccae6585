import type { BaggageRule } from '@throughline/core';
import { guarded, isPrivateHost } from '@throughline/core/seam';
import type { MessagingOperation } from './message.ts';

/**
 * Which messages may carry baggage: a destination by its whole name, a regular expression on the name, or a function of
 * the operation. A function that throws says no, and is reported once.
 */
export type BaggageTarget = string | RegExp | ((operation: MessagingOperation) => boolean);

/** Whom messages bring baggage. */
export interface BaggageTargets {
  /**
   * Which messages carry baggage. Default: `all`, because who sends to a broker and reads from it is settled by the
   * broker's permissions, and its host says nothing of that. `private`: those to a broker whose host is known and cannot
   * be on the public internet.
   */
  readonly baggageTo?: 'all' | 'none' | 'private' | readonly BaggageTarget[] | undefined;
  /**
   * Names of the baggage entries that may leave this service in messages. Default: all of them. With a list, baggage
   * that no propagator could read, because none is registered, stays here.
   */
  readonly baggageEntries?: readonly string[] | undefined;
}

const isTarget = (value: unknown) =>
  (typeof value === 'string' && value !== '') || typeof value === 'function' || value instanceof RegExp;

/** What the options must be. */
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

/** Returns what decides on the baggage of an operation. */
export function createBaggageDecider({
  baggageTo = 'all',
  baggageEntries,
}: BaggageTargets): (operation: MessagingOperation) => BaggageRule {
  const mayTell = matcherOf(baggageTo);
  return (operation) => (mayTell(operation) ? (baggageEntries ?? 'keep') : 'drop');
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
  // Without `g` and `y`, which would make the answer depend on the one before.
  const name = new RegExp(target.source, target.flags.replace(/[gy]/g, ''));
  return ({ destination }) => destination !== undefined && name.test(destination);
}
