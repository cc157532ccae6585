import type { ConformanceCase, ConformanceRunner } from '../kit/conformance-case.ts';
import { createConformanceKit } from '../kit/conformance-kit.ts';
import { aFunction, anObject } from '../kit/kit-options.ts';
import { graphqlContextCases } from './cases/context.ts';
import { graphqlErrorCases } from './cases/errors.ts';
import { graphqlHostileCases } from './cases/hostile.ts';
import { graphqlNoSdkCases } from './cases/no-sdk.ts';
import { graphqlOptionCases } from './cases/options.ts';
import { graphqlSpanCases } from './cases/spans.ts';
import { subscriptionCases } from './cases/subscriptions.ts';
import type { GraphqlCase } from './graphql-case.ts';
import type { GraphqlConformanceOptions } from './graphql-conformance-options.ts';
import { runGraphqlCase } from './run-graphql-case.ts';

const kit = createConformanceKit<GraphqlConformanceOptions, GraphqlCase>({
  subject: 'GraphQL server',
  entry: 'graphqlConformanceCases()',
  rules: { serve: aFunction, outgoingFields: aFunction, createLoader: aFunction, refusals: anObject },
  groups: {
    spans: graphqlSpanCases,
    context: graphqlContextCases,
    errors: graphqlErrorCases,
    subscriptions: subscriptionCases,
    options: graphqlOptionCases,
    hostile: graphqlHostileCases,
    'no SDK': graphqlNoSdkCases,
  },
  run: runGraphqlCase,
});

/**
 * Returns the GraphQL cases, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * @example
 * for (const one of graphqlConformanceCases(options)) if (!one.skip) await one.run();
 */
export function graphqlConformanceCases(options: GraphqlConformanceOptions): ConformanceCase[] {
  return kit.cases(options);
}

/**
 * Registers the GraphQL cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineGraphqlConformance({ describe, it }, { name: 'my server', sdk, serve, outgoingFields });
 */
export function defineGraphqlConformance(
  runner: ConformanceRunner,
  options: GraphqlConformanceOptions,
): void {
  kit.define(runner, options);
}
