import { type ConformanceCase, httpServerConformanceCases } from '@throughline/testing';
import { describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { referenceFetch, SERVER_FAULTS, type ServerFault, serveReference } from './reference-server.ts';
import { SERVER_FAULTS_BY_CASE } from './server-faults-by-case.ts';

function casesWith(fault?: ServerFault): Map<string, ConformanceCase> {
  const cases = httpServerConformanceCases({
    name: fault ?? 'no fault',
    sdk: sdk3,
    serve: serveReference(fault),
    fetch: referenceFetch,
    // Faults are caught by what does not happen; waiting longer for it would only make the list slow.
    deadline: 300,
  });
  return new Map(cases.map((one) => [one.name, one]));
}

describe('the server kit, against adapters with a fault planted', () => {
  for (const [name, faults] of Object.entries(SERVER_FAULTS_BY_CASE)) {
    for (const fault of faults) {
      it(`'${name}' catches an adapter that ${fault}`, async () => {
        await expect(casesWith(fault).get(name)?.run()).rejects.toThrow();
      });
    }
  }

  it('has a fault for every case, and a case for every fault', () => {
    expect(Object.keys(SERVER_FAULTS_BY_CASE).sort()).toEqual([...casesWith().keys()].sort());
    expect(new Set(Object.values(SERVER_FAULTS_BY_CASE).flat())).toEqual(new Set(SERVER_FAULTS));
  });
});
