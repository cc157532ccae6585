import { guarded, type OperationResult } from '@throughline/core/seam';
import type { RpcCall, RpcOutcome } from './rpc-call.ts';
import type { RpcOptions } from './rpc-options.ts';
import { statusAttributes } from './rpc-system.ts';

/** Returns how an operation ends whose call ended with `outcome`. */
export function rpcResult(
  call: RpcCall,
  outcome: RpcOutcome,
  errorType: string | undefined,
  { responseHook }: RpcOptions,
): OperationResult {
  const status = statusAttributes(outcome);
  return {
    errorType,
    failure: outcome.error === undefined ? undefined : { error: outcome.error },
    measured: status,
    complete: () => status,
    hook:
      responseHook &&
      ((span) => guarded('options.responseHook threw', () => responseHook({ span, request: call, outcome }))),
  };
}
