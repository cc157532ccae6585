import { guarded, propagatorOf } from '@throughline/core/seam';
import type { MessagingOptions } from '../verbs/messaging-options.ts';

/** Returns the names of message attributes to ask for, with those that hold the context. */
export function withFieldNames(
  asked: readonly string[] | undefined,
  { propagator }: MessagingOptions,
): readonly string[] {
  const fields = guarded('a propagator threw in fields()', () => propagatorOf(propagator).fields(), []);
  return withNames(asked, fields);
}

/**
 * Returns the names of system attributes to ask for, with those that hold the context and the time of sending.
 */
export function withSystemNames(asked: readonly string[] | undefined): readonly string[] {
  return withNames(asked, ['AWSTraceHeader', 'SentTimestamp']);
}

function withNames(asked: readonly string[] = [], needed: readonly string[]): readonly string[] {
  return asked.includes('All') || asked.includes('.*') ? asked : [...new Set([...asked, ...needed])];
}
