import { type ConformanceCase, httpClientConformanceCases } from '@throughline/testing';
import { describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { CLIENT_FAULTS_BY_CASE } from './client-faults-by-case.ts';
import { CLIENT_FAULTS, type ClientFault, connectReference } from './reference-client.ts';

function casesWith(fault?: ClientFault): Map<string, ConformanceCase> {
  const cases = httpClientConformanceCases({
    name: fault ?? 'no fault',
    sdk: sdk3,
    connect: connectReference(fault),
    // Faults are caught by what does not happen; waiting longer for it would only make the list slow.
    deadline: 300,
  });
  return new Map(cases.map((one) => [one.name, one]));
}

describe('the client kit, against clients with a fault planted', () => {
  for (const [name, faults] of Object.entries(CLIENT_FAULTS_BY_CASE)) {
    for (const fault of faults) {
      it(`'${name}' catches a client that ${fault}`, async () => {
        await expect(casesWith(fault).get(name)?.run()).rejects.toThrow();
      });
    }
  }

  it('has a fault for every case, and a case for every fault', () => {
    expect(Object.keys(CLIENT_FAULTS_BY_CASE).sort()).toEqual([...casesWith().keys()].sort());
    expect(new Set(Object.values(CLIENT_FAULTS_BY_CASE).flat())).toEqual(new Set(CLIENT_FAULTS));
  });
});
