import type { ConformanceCase, ConformanceRunner } from '../kit/conformance-case.ts';
import { createConformanceKit } from '../kit/conformance-kit.ts';
import { aFunction, anObject, aText } from '../kit/kit-options.ts';
import { batchCases } from './cases/batches.ts';
import { handlerCases } from './cases/handlers.ts';
import { metadataCases } from './cases/metadata.ts';
import { messagingMetricCases } from './cases/metrics.ts';
import { messagingNoSdkCases } from './cases/no-sdk.ts';
import { messagingOptionCases } from './cases/options.ts';
import { messagePropagationCases } from './cases/propagation.ts';
import { relationCases } from './cases/relation.ts';
import { messagingSpanCases } from './cases/spans.ts';
import { wrappedClientCases } from './cases/wrapped-client.ts';
import type { MessagingCase } from './messaging-case.ts';
import type { MessagingConformanceOptions } from './messaging-conformance-options.ts';
import { runMessagingCase } from './run-messaging-case.ts';

const kit = createConformanceKit<MessagingConformanceOptions, MessagingCase>({
  subject: 'messaging',
  entry: 'messagingConformanceCases()',
  rules: { system: aText, names: anObject, connect: aFunction },
  groups: {
    propagation: messagePropagationCases,
    'parent or link': relationCases,
    metadata: metadataCases,
    handlers: handlerCases,
    spans: messagingSpanCases,
    batches: batchCases,
    metrics: messagingMetricCases,
    'wrapped client': wrappedClientCases,
    options: messagingOptionCases,
    'no SDK': messagingNoSdkCases,
  },
  run: runMessagingCase,
});

/**
 * Returns the messaging cases, each with its own `run()`, for runners that are not `describe`/`it`.
 *
 * @example
 * for (const one of messagingConformanceCases(options)) if (!one.skip) await one.run();
 */
export function messagingConformanceCases(options: MessagingConformanceOptions): ConformanceCase[] {
  return kit.cases(options);
}

/**
 * Registers the messaging cases with a test runner.
 *
 * @example
 * import { describe, it } from 'node:test';
 * defineMessagingConformance({ describe, it }, { name: 'my client', system, names, sdk, connect });
 */
export function defineMessagingConformance(
  runner: ConformanceRunner,
  options: MessagingConformanceOptions,
): void {
  kit.define(runner, options);
}
