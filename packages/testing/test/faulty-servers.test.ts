import { httpServerConformanceCases } from '@throughline/testing';
import { describe, expect, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { referenceFetch, SERVER_FAULTS, type ServerFault, serveReference } from './reference-server.ts';

/** One case that must notice the fault; others may notice it too. */
const CAUGHT_BY: Readonly<Record<ServerFault, string>> = {} as never;

describe('every planted fault of a server adapter is caught', () => {
  const noticed = new Map<string, Set<string>>();
  const dull = new Set<string>();

  for (const fault of SERVER_FAULTS) {
    it(fault, { timeout: 120_000 }, async () => {
      const failed = new Set<string>();
      for (const one of httpServerConformanceCases({
        name: fault,
        sdk: sdk3,
        serve: serveReference(fault),
        fetch: referenceFetch,
      })) {
        dull.add(one.name);
        await one.run().catch(() => failed.add(one.name));
      }
      noticed.set(fault, failed);
      console.log(`${fault}: ${[...failed].join(' | ')}`);
      expect([...failed]).toContain(CAUGHT_BY[fault]);
    });
  }
});
