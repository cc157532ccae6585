import type { ConformanceCase } from '@throughline/testing';
import { describe, expect, it } from 'vitest';

/**
 * How long a case against a faulty adapter or client waits, in milliseconds.
 *
 * Faults are caught by what does not happen; waiting longer for it would only make the list slow.
 */
export const IMPATIENT = 300;

/** Registers tests that each case of a kit catches its planted faults, and that no fault and no case is left out. */
export function plantFaults<Fault extends string>(kit: {
  /** `the client kit, against clients`. */
  readonly title: string;
  /** `a client that`, followed by the fault. */
  readonly subject: string;
  readonly faults: readonly Fault[];
  readonly byCase: Readonly<Record<string, readonly Fault[]>>;
  /** Returns the cases, bound to what has the fault. */
  cases(fault?: Fault): ConformanceCase[];
}): void {
  const casesWith = (fault?: Fault) => new Map(kit.cases(fault).map((one) => [one.name, one]));
  describe(`${kit.title} with a fault planted`, () => {
    for (const [name, faults] of Object.entries(kit.byCase)) {
      for (const fault of faults) {
        it(`'${name}' catches ${kit.subject} ${fault}`, async () => {
          await expect(casesWith(fault).get(name)?.run()).rejects.toThrow();
        });
      }
    }

    it('has a fault for every case, and a case for every fault', () => {
      expect(Object.keys(kit.byCase).sort()).toEqual([...casesWith().keys()].sort());
      expect(new Set(Object.values(kit.byCase).flat())).toEqual(new Set(kit.faults));
    });
  });
}
