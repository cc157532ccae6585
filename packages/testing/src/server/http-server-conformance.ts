import type { ConformanceCase, ConformanceRunner, Skip } from '../kit/conformance-case.ts';
import { createConformanceKit } from '../kit/conformance-kit.ts';
import { aFunction, anObject } from '../kit/kit-options.ts';
import { attributeCases } from './cases/attributes.ts';
import { coexistenceCases } from './cases/coexistence.ts';
import { contextCases } from './cases/context.ts';
import { errorCases } from './cases/errors.ts';
import { hostileCases } from './cases/hostile.ts';
import { lifetimeCases } from './cases/lifetime.ts';
import { metricCases } from './cases/metrics.ts';
import { noSdkCases } from './cases/no-sdk.ts';
import { optionCases } from './cases/options.ts';
import { parentCases } from './cases/parents.ts';
import { wireTruthCases } from './cases/wire-truth.ts';
import type { HttpServerCase } from './http-server-case.ts';
import type { HttpServerConformanceOptions } from './http-server-conformance-options.ts';
import { runHttpServerCase } from './run-http-server-case.ts';

const kit = createConformanceKit<HttpServerConformanceOptions, HttpServerCase>({
  subject: 'HTTP server',
  entry: 'httpServerConformanceCases()',
  rules: {
    serve: aFunction,
    fetch: aFunction,
    scheme: [(value) => value === 'http' || value === 'https', "'http' or 'https'"],
    httpVersion: [(value) => value === '1.1' || value === '2', "'1.1' or '2'"],
    versionSeen: [(value) => typeof value === 'boolean', 'a boolean'],
    routeOf: aFunction,
    errorTypes: anObject,
  },
  groups: {
    parents: parentCases,
    context: contextCases,
    lifetime: lifetimeCases,
    'truth on the wire': wireTruthCases,
    'names and attributes': attributeCases,
    errors: errorCases,
    metrics: metricCases,
    options: optionCases,
    'hostile input': hostileCases,
    coexistence: coexistenceCases,
    'no SDK': noSdkCases,
  },
  run: runHttpServerCase,
  lacks({ fetch, httpVersion }, need): Skip | undefined {
    if (need === 'fetch' && !fetch) return { reason: 'the spec file gives no fetch' };
    if (need === 'http1' && httpVersion === '2') return { reason: 'HTTP/2 has other means for it' };
    return undefined;
  },
});

/**
 * Returns the server cases for an adapter, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * Cases take turns on the API's globals: two that are run at the same time wait for each other.
 * @example
 * for (const one of httpServerConformanceCases(options)) if (!one.skip) await one.run();
 */
export function httpServerConformanceCases(options: HttpServerConformanceOptions): ConformanceCase[] {
  return kit.cases(options);
}

/**
 * Registers the server cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineHttpServerConformance({ describe, it }, { name: 'my adapter', sdk, serve });
 */
export function defineHttpServerConformance(
  runner: ConformanceRunner,
  options: HttpServerConformanceOptions,
): void {
  kit.define(runner, options);
}
