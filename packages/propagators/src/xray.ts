import {
  type Context,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { readFirst, trimOws, writeField } from './field.ts';
import { isHexId } from './hex.ts';
import {
  isStillDeferred,
  isTracingSuppressed,
  remoteSpanContext,
  traitsOf,
  withRemoteSpanContext,
} from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';

export const X_AMZN_TRACE_ID = 'x-amzn-trace-id';

/** What `X-Amzn-Trace-Id` says. */
export interface XRayReading {
  readonly traceId: string;
  /** The caller's span, or one derived from the trace id when the header has a root only. */
  readonly spanId: string;
  readonly state: 'accept' | 'deny' | 'defer';
  readonly lineage?: string;
}

const MAX_HEADER_LENGTH = 1024;

/**
 * AWS X-Ray: the `X-Amzn-Trace-Id` header.
 *
 * Fields may come in any order and case, with spaces around `=`; `Self` and unknown ones are ignored. `Sampled=?` and no
 * `Sampled` leave the decision to the receiving SDK, as B3 without a state does. A root without a parent, which load
 * balancers send, keeps its trace id; its parent is the id's last 16 digits, the same for every receiver. `Lineage` is
 * sent on for as long as the trace id stays.
 *
 * Never throws, whatever the context, the carrier or the getter is.
 *
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 * @example
 * propagation.setGlobalPropagator(new XRayPropagator());
 */
export class XRayPropagator implements TextMapPropagator<unknown> {
  /** The context that continues the carrier's trace, or `context` itself when the header is absent or malformed. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const header = readFirst(carrier, chosenGetter(getter), X_AMZN_TRACE_ID);
      const reading = header === undefined ? undefined : parseXRay(header);
      if (reading === undefined) return context;
      const { traceId, spanId, state, lineage } = reading;
      const traceFlags = state === 'deny' ? TraceFlags.NONE : TraceFlags.SAMPLED;
      const deferred = state === 'defer';
      const traits = lineage === undefined ? { deferred } : { deferred, lineage };
      return withRemoteSpanContext(
        context,
        { traceId, spanId, traceFlags, isRemote: true },
        deferred || lineage !== undefined ? traits : undefined,
      );
    } catch {
      return context;
    }
  }

  /** Writes the header unless the context has no valid span context or tracing is suppressed. */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    try {
      if (isTracingSuppressed(context)) return;
      const spanContext = legalSpanContext(trace.getSpanContext(context), remoteSpanContext(context));
      if (spanContext === undefined) return;
      const { traceId, spanId } = spanContext;
      const lineage = traitsOf(context, spanContext)?.lineage;
      writeField(
        carrier,
        chosenSetter(setter),
        X_AMZN_TRACE_ID,
        `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId};Sampled=${sampledOf(context, spanContext)}` +
          (lineage === undefined ? '' : `;Lineage=${lineage}`),
      );
    } catch {
      // A context or span that cannot be read has nothing to say.
    }
  }

  /** `x-amzn-trace-id`. */
  fields(): string[] {
    return [X_AMZN_TRACE_ID];
  }
}

function sampledOf(context: Context, spanContext: SpanContext): '0' | '1' | '?' {
  if (isStillDeferred(context, spanContext)) return '?';
  return (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0 ? '1' : '0';
}

/** `Root=1-8hex-24hex;Parent=16hex;Sampled=0`; `undefined` when there is no valid root or any known field is malformed. */
export function parseXRay(value: string): XRayReading | undefined {
  if (value.length > MAX_HEADER_LENGTH) return undefined;
  const fields = new Map<string, string>();
  for (const part of value.split(';')) {
    const equals = part.indexOf('=');
    if (equals === -1) continue;
    const name = trimOws(part.slice(0, equals)).toLowerCase();
    if (!fields.has(name)) fields.set(name, trimOws(part.slice(equals + 1)));
  }
  const traceId = rootId(fields.get('root')?.toLowerCase() ?? '');
  if (traceId === undefined) return undefined;
  const spanId = fields.get('parent')?.toLowerCase() ?? traceId.slice(16);
  if (!isHexId(spanId, 16)) return undefined;
  const state = stateOf(fields.get('sampled') ?? '?');
  if (state === undefined) return undefined;
  const lineage = fields.get('lineage');
  return lineage !== undefined && /^[0-9a-z:|.-]{1,256}$/i.test(lineage)
    ? { traceId, spanId, state, lineage }
    : { traceId, spanId, state };
}

function rootId(root: string): string | undefined {
  if (root.length !== 35 || !root.startsWith('1-') || root[10] !== '-') return undefined;
  const traceId = root.slice(2, 10) + root.slice(11);
  return isHexId(traceId, 32) ? traceId : undefined;
}

function stateOf(sampled: string): XRayReading['state'] | undefined {
  if (sampled === '1') return 'accept';
  if (sampled === '0') return 'deny';
  return sampled === '?' ? 'defer' : undefined;
}
