import { messagingConformanceCases } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { MESSAGING_FAULTS_BY_CASE } from './messaging-faults-by-case.ts';
import {
  connectMessagingReference,
  MESSAGING_FAULTS,
  REFERENCE_NAMES,
} from './messaging-reference-client.ts';
import { IMPATIENT, plantFaults } from './plant-faults.ts';

plantFaults({
  title: 'the messaging kit, against clients',
  subject: 'a client that',
  faults: MESSAGING_FAULTS,
  byCase: MESSAGING_FAULTS_BY_CASE,
  cases: (fault) =>
    messagingConformanceCases({
      name: fault ?? 'no fault',
      sdk: sdk3,
      system: 'reference',
      names: REFERENCE_NAMES,
      connect: connectMessagingReference(fault),
      deadline: IMPATIENT,
    }),
});
