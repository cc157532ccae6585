import { type MessagingConformanceOptions, messagingConformanceCases } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';

/** Registers the kit's cases, but for those that a system cannot have by its nature: by name, each with the reason. */
export function conform(
  options: Omit<MessagingConformanceOptions, 'sdk'>,
  impossible: Readonly<Record<string, string>> = {},
): void {
  const cases = messagingConformanceCases({ ...options, sdk: sdk3 });
  const unknown = Object.keys(impossible).filter((name) => cases.every((one) => one.name !== name));
  if (unknown.length > 0) throw new Error(`no such cases: ${unknown.join(', ')}`);
  describe(`${options.name}, messaging, ${sdk3.name}`, () => {
    for (const { group, name, skip, run } of cases) {
      const reason = skip?.reason ?? impossible[name];
      it.skipIf(reason)(`${group}: ${name}${reason === undefined ? '' : ` (skipped: ${reason})`}`, run);
    }
  });
}
