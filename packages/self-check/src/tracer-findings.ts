import { type OtherTracer, unregisteredTracer } from '@throughline/core/seam';
import type { ForeignSpan } from '@throughline/http-semantics';
import { type Finding, finding } from './finding.ts';

/** TL008: another tracer has started a span for the request that came in. */
export function foreignSpan({ span, relation }: ForeignSpan): Finding {
  const owner = ownerOf(span);
  return relation === 'server'
    ? finding('TL008', 'info', {
        fact: `The SERVER span of ${owner} is completed here, and no second one is made.`,
        consequence: 'Sampling, name and end of SERVER spans are decided by that instrumentation.',
        fix: 'Keep it, or disable that instrumentation to have the spans of Throughline.',
      })
    : finding('TL008', 'info', {
        fact: `${owner} has started a span for the request, which does not show that it is its SERVER span.`,
        consequence:
          relation === 'above'
            ? 'The SERVER span of Throughline is its child: the request has two, in one trace.'
            : "It is in another trace than the caller's; the SERVER span of Throughline is linked to it.",
        fix: 'Keep both, or let one of the two trace requests.',
      });
}

/** Who made a span, in the words that it has itself. */
function ownerOf(span: object): string {
  const { instrumentationScope: scope } = span as { instrumentationScope?: { readonly name?: string } };
  return scope?.name ?? unregisteredTracer()?.name ?? `another tracer (${span.constructor.name})`;
}

/** TL017: nothing is registered, and still the process is traced. */
export function tracerBesides({ name, remedy }: OtherTracer): Finding {
  return finding('TL017', 'warning', {
    fact: `${name} traces this process, and nothing is registered with the API of OpenTelemetry.`,
    consequence: `Throughline records no spans, and leaves the trace headers of calls and messages to ${name}.`,
    fix: remedy,
  });
}
