import { type OtherTracer, unregisteredTracer } from '@throughline/core/seam';
import type { ForeignSpan } from '@throughline/http-semantics';
import { type Finding, finding } from './finding.ts';

/** Returns TL008: another tracer has started a span for an incoming request. */
export function foreignSpan({ span, relation }: ForeignSpan): Finding {
  const owner = ownerOf(span);
  return relation === 'server'
    ? finding('TL008', 'info', {
        fact: `The SERVER span of ${owner} is completed here instead of adding a second one.`,
        consequence: 'That instrumentation decides on the sampling, the name and the end of SERVER spans.',
        fix: "Keep it, or disable that instrumentation to have Throughline's spans.",
      })
    : finding('TL008', 'info', {
        fact: `${owner} has started a span for the request that does not show whether it is the SERVER span.`,
        consequence:
          relation === 'above'
            ? 'The SERVER span of Throughline is its child: the request has two, in one trace.'
            : "It is in another trace than the caller's; the SERVER span of Throughline is linked to it.",
        fix: 'Keep both, or let one of the two trace requests.',
      });
}

/** Returns the name of the tracer that made a span. */
function ownerOf(span: object): string {
  const { instrumentationScope: scope } = span as { instrumentationScope?: { readonly name?: string } };
  return scope?.name ?? unregisteredTracer()?.name ?? `another tracer (${span.constructor.name})`;
}

/** Returns TL017: nothing is registered, and yet the process is traced. */
export function tracerBesides({ name, remedy }: OtherTracer): Finding {
  return finding('TL017', 'warning', {
    fact: `${name} traces this process, and nothing is registered with the API of OpenTelemetry.`,
    consequence: `Throughline records no spans, and leaves the trace headers of calls and messages to ${name}.`,
    fix: remedy,
  });
}
