import { rpcConformanceCases } from '@throughline/testing';
import { IMPATIENT, plantFaults } from './plant-faults.ts';
import { RPC_FAULTS_BY_CASE } from './rpc-faults-by-case.ts';
import { rpcKitOptions } from './rpc-kit-options.ts';
import { RPC_FAULTS } from './rpc-reference.ts';

plantFaults({
  title: 'the RPC kit, against libraries',
  subject: 'a library that',
  faults: RPC_FAULTS,
  byCase: RPC_FAULTS_BY_CASE,
  cases: (fault) => rpcConformanceCases({ ...rpcKitOptions(fault), deadline: IMPATIENT }),
});
