import { httpServerConformanceCases } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { IMPATIENT, plantFaults } from './plant-faults.ts';
import { referenceFetch, SERVER_FAULTS, serveReference } from './reference-server.ts';
import { SERVER_FAULTS_BY_CASE } from './server-faults-by-case.ts';

plantFaults({
  title: 'the server kit, against adapters',
  subject: 'an adapter that',
  faults: SERVER_FAULTS,
  byCase: SERVER_FAULTS_BY_CASE,
  cases: (fault) =>
    httpServerConformanceCases({
      name: fault ?? 'no fault',
      sdk: sdk3,
      serve: serveReference(fault),
      fetch: referenceFetch,
      deadline: IMPATIENT,
    }),
});
