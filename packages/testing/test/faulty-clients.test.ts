import { httpClientConformanceCases } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { CLIENT_FAULTS_BY_CASE } from './client-faults-by-case.ts';
import { IMPATIENT, plantFaults } from './plant-faults.ts';
import { CLIENT_FAULTS, connectReference } from './reference-client.ts';

plantFaults({
  title: 'the client kit, against clients',
  subject: 'a client that',
  faults: CLIENT_FAULTS,
  byCase: CLIENT_FAULTS_BY_CASE,
  cases: (fault) =>
    httpClientConformanceCases({
      name: fault ?? 'no fault',
      sdk: sdk3,
      connect: connectReference(fault),
      deadline: IMPATIENT,
    }),
});
