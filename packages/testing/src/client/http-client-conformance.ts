import type { ConformanceCase, ConformanceRunner } from '../kit/conformance-case.ts';
import { createConformanceKit } from '../kit/conformance-kit.ts';
import { aFunction } from '../kit/kit-options.ts';
import { clientFailureCases } from './cases/failures.ts';
import { clientMetricCases } from './cases/metrics.ts';
import { clientNoSdkCases } from './cases/no-sdk.ts';
import { clientOptionCases } from './cases/options.ts';
import { propagationCases } from './cases/propagation.ts';
import { redirectCases } from './cases/redirects.ts';
import { requestCases } from './cases/requests.ts';
import { spanCases } from './cases/spans.ts';
import type { HttpClientCase } from './http-client-case.ts';
import type { HttpClientConformanceOptions } from './http-client-conformance-options.ts';
import { runHttpClientCase } from './run-http-client-case.ts';

const kit = createConformanceKit<HttpClientConformanceOptions, HttpClientCase>({
  subject: 'HTTP client',
  entry: 'httpClientConformanceCases()',
  rules: { connect: aFunction },
  groups: {
    propagation: propagationCases,
    spans: spanCases,
    failures: clientFailureCases,
    'requests and responses': requestCases,
    redirects: redirectCases,
    metrics: clientMetricCases,
    options: clientOptionCases,
    'no SDK': clientNoSdkCases,
  },
  run: runHttpClientCase,
});

/**
 * Returns the client cases, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * @example
 * for (const one of httpClientConformanceCases(options)) if (!one.skip) await one.run();
 */
export function httpClientConformanceCases(options: HttpClientConformanceOptions): ConformanceCase[] {
  return kit.cases(options);
}

/**
 * Registers the client cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineHttpClientConformance({ describe, it }, { name: 'my client', sdk, connect });
 */
export function defineHttpClientConformance(
  runner: ConformanceRunner,
  options: HttpClientConformanceOptions,
): void {
  kit.define(runner, options);
}
