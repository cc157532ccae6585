import { type ConformanceCase, messagingConformanceCases } from '@throughline/testing';
import { describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { MESSAGING_FAULTS_BY_CASE } from './messaging-faults-by-case.ts';
import {
  connectMessagingReference,
  MESSAGING_FAULTS,
  type MessagingFault,
  REFERENCE_NAMES,
} from './messaging-reference-client.ts';

function casesWith(fault?: MessagingFault): Map<string, ConformanceCase> {
  const cases = messagingConformanceCases({
    name: fault ?? 'no fault',
    sdk: sdk3,
    system: 'reference',
    names: REFERENCE_NAMES,
    connect: connectMessagingReference(fault),
    // Faults are caught by what does not happen; waiting longer for it would only make the list slow.
    deadline: 300,
  });
  return new Map(cases.map((one) => [one.name, one]));
}

describe('the messaging kit, against clients with a fault planted', () => {
  for (const [name, faults] of Object.entries(MESSAGING_FAULTS_BY_CASE)) {
    for (const fault of faults) {
      it(`'${name}' catches a client that ${fault}`, async () => {
        await expect(casesWith(fault).get(name)?.run()).rejects.toThrow();
      });
    }
  }

  it('has a fault for every case, and a case for every fault', () => {
    expect(Object.keys(MESSAGING_FAULTS_BY_CASE).sort()).toEqual([...casesWith().keys()].sort());
    expect(new Set(Object.values(MESSAGING_FAULTS_BY_CASE).flat())).toEqual(new Set(MESSAGING_FAULTS));
  });
});
