import {
  type Context,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import {
  isTracingSuppressed,
  printXRayHeader,
  readXRayHeader,
  TRACE_FORMATS,
  type XRayHeader,
} from '@throughline/carrier';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { readFirst, writeField } from './field.ts';
import { checkKnownOptions } from './known-options.ts';
import {
  extractedSpanContext,
  isStillDeferred,
  parentlessTrace,
  traitsOf,
  withParentlessTrace,
  withRemoteSpanContext,
} from './remote-context.ts';
import { legalSpanContext, placeholderSpanContext } from './span-context.ts';

const [X_AMZN_TRACE_ID] = TRACE_FORMATS.xray;

/**
 * Reads and writes the header of AWS X-Ray, `X-Amzn-Trace-Id`.
 *
 * Fields may come in any order and letter case, with spaces around `=`; `Self` and unknown fields are ignored.
 * `Sampled=?` and no `Sampled` leave the decision to the receiving SDK, as B3 without a state does. `Lineage` is sent
 * on while the trace id stays the same.
 *
 * A root without a parent, which load balancers send, names a trace in which nothing is recorded yet. The first span here
 * is then its root, without parent and link, and {@link rootTraceId} returns the trace id for it. If nothing is recorded,
 * the root is sent on as received. `Sampled=0` is honoured like `b3: 0`.
 *
 * Never throws, with any context, carrier or getter.
 *
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 * @example
 * propagation.setGlobalPropagator(new XRayPropagator());
 */
export class XRayPropagator implements TextMapPropagator<unknown> {
  /** @throws TypeError for any option: there are none, unlike in packages that this one replaces. */
  constructor(options: { readonly [name: string]: never } = {}) {
    checkKnownOptions('XRayPropagator', options, []);
  }

  /**
   * Returns the context that continues the carrier's trace, or `context` itself when the header is absent or malformed.
   */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const header = readFirst(carrier, chosenGetter(getter), X_AMZN_TRACE_ID);
      const reading = header === undefined ? undefined : readXRayHeader(header);
      if (reading === undefined) return context;
      const { traceId, spanId, state, lineage } = reading;
      if (state === 'deny' && spanId === undefined)
        return withRemoteSpanContext(
          context,
          { ...placeholderSpanContext(), traceId },
          { placeholder: true, lineage },
        );
      if (spanId === undefined)
        return withParentlessTrace(context, {
          traceId,
          state: state === 'accept' ? state : 'defer',
          lineage,
        });
      const traceFlags = state === 'deny' ? TraceFlags.NONE : TraceFlags.SAMPLED;
      const deferred = state === 'defer';
      return withRemoteSpanContext(
        context,
        { traceId, spanId, traceFlags, isRemote: true },
        deferred || lineage !== undefined ? { deferred, lineage } : undefined,
      );
    } catch {
      return context;
    }
  }

  /** Writes the header unless the context has no valid span context or tracing is suppressed. */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    try {
      if (isTracingSuppressed(context)) return;
      const header = headerOf(context);
      if (header === undefined) return;
      writeField(carrier, chosenSetter(setter), X_AMZN_TRACE_ID, printXRayHeader(header));
    } catch {
      // A context or span that cannot be read writes nothing.
    }
  }

  /** Returns `x-amzn-trace-id`. */
  fields(): string[] {
    return [X_AMZN_TRACE_ID];
  }
}

function headerOf(context: Context): XRayHeader | undefined {
  const spanContext = legalSpanContext(trace.getSpanContext(context), extractedSpanContext(context));
  const named = parentlessTrace(context);
  if (spanContext === undefined) return named;
  const { traceId, spanId } = spanContext;
  const lineage =
    traitsOf(context, spanContext)?.lineage ?? (named?.traceId === traceId ? named.lineage : undefined);
  return { traceId, spanId, state: stateOf(context, spanContext), lineage };
}

function stateOf(context: Context, spanContext: SpanContext): XRayHeader['state'] {
  if (isStillDeferred(context, spanContext)) return 'defer';
  return (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0 ? 'accept' : 'deny';
}
