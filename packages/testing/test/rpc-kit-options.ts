import type { RpcConformanceOptions } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { connectRpcReference, REFERENCE_METHODS, type RpcFault } from './rpc-reference.ts';

/** Returns the options of the RPC kit for the reference, with a fault or without. */
export const rpcKitOptions = (fault?: RpcFault): RpcConformanceOptions => ({
  name: fault ?? 'reference',
  sdk: sdk3,
  system: 'reference',
  methods: REFERENCE_METHODS,
  statusCode: (status) => status,
  plainErrorStatus: 'UNKNOWN',
  connect: connectRpcReference(fault),
});
