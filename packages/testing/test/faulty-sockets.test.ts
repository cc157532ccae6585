import { socketConformanceCases } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { IMPATIENT, plantFaults } from './plant-faults.ts';
import { SOCKET_FAULTS_BY_CASE } from './socket-faults-by-case.ts';
import { SOCKET_FAULTS, socketReference } from './socket-reference.ts';

plantFaults({
  title: 'the kit for sockets, against sockets',
  subject: 'tracing that',
  faults: SOCKET_FAULTS,
  byCase: SOCKET_FAULTS_BY_CASE,
  cases: (fault) =>
    socketConformanceCases({
      name: fault ?? 'no fault',
      sdk: sdk3,
      deadline: IMPATIENT,
      ...socketReference(fault),
    }),
});
