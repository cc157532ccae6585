import type { ConformanceCase, ConformanceRunner } from '../kit/conformance-case.ts';
import { createConformanceKit } from '../kit/conformance-kit.ts';
import { aFunction, anObject, aText } from '../kit/kit-options.ts';
import { rpcContextCases } from './cases/context.ts';
import { rpcMetadataCases } from './cases/metadata.ts';
import { rpcMetricCases } from './cases/metrics.ts';
import { rpcNoSdkCases } from './cases/no-sdk.ts';
import { rpcOptionCases } from './cases/options.ts';
import { rpcPropagationCases } from './cases/propagation.ts';
import { rpcSpanCases } from './cases/spans.ts';
import { rpcStatusCases } from './cases/status.ts';
import { rpcTrustCases } from './cases/trust.ts';
import type { RpcCase } from './rpc-case.ts';
import type { RpcConformanceOptions } from './rpc-conformance-options.ts';
import { runRpcCase } from './run-rpc-case.ts';

const kit = createConformanceKit<RpcConformanceOptions, RpcCase>({
  subject: 'RPC',
  entry: 'rpcConformanceCases()',
  rules: {
    system: aText,
    methods: anObject,
    statusCode: aFunction,
    plainErrorStatus: aText,
    connect: aFunction,
  },
  groups: {
    propagation: rpcPropagationCases,
    metadata: rpcMetadataCases,
    trust: rpcTrustCases,
    context: rpcContextCases,
    spans: rpcSpanCases,
    status: rpcStatusCases,
    metrics: rpcMetricCases,
    options: rpcOptionCases,
    'no SDK': rpcNoSdkCases,
  },
  run: runRpcCase,
});

/**
 * Returns the RPC cases, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * @example
 * for (const one of rpcConformanceCases(options)) if (!one.skip) await one.run();
 */
export function rpcConformanceCases(options: RpcConformanceOptions): ConformanceCase[] {
  return kit.cases(options);
}

/**
 * Registers the RPC cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineRpcConformance({ describe, it }, { name: 'my library', system, methods, statusCode, plainErrorStatus, sdk, connect });
 */
export function defineRpcConformance(runner: ConformanceRunner, options: RpcConformanceOptions): void {
  kit.define(runner, options);
}
