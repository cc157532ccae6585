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
import { firstOf, readFirst, trimOws, writeField } from './field.ts';
import { isHexId } from './hex.ts';
import { checkKnownOptions } from './known-options.ts';
import {
  isStillDeferred,
  isTracingSuppressed,
  parentlessTrace,
  remoteSpanContext,
  traitsOf,
  withParentlessTrace,
  withRemoteSpanContext,
} from './remote-context.ts';
import { legalSpanContext, placeholderSpanContext } from './span-context.ts';

export const X_AMZN_TRACE_ID = 'x-amzn-trace-id';

/** What `X-Amzn-Trace-Id` says. */
export interface XRayReading {
  readonly traceId: string;
  /** The caller's span; absent when the header names none, as those of load balancers. */
  readonly spanId?: string | undefined;
  readonly state: 'accept' | 'deny' | 'defer';
  readonly lineage?: string | undefined;
}

export const MAX_XRAY_LENGTH = 1024;

/**
 * AWS X-Ray: the `X-Amzn-Trace-Id` header.
 *
 * Fields may come in any order and case, with spaces around `=`; `Self` and unknown ones are ignored. `Sampled=?` and no
 * `Sampled` leave the decision to the receiving SDK, as B3 without a state does. `Lineage` is sent on for as long as the
 * trace id stays.
 *
 * A root without a parent, which load balancers send, names a trace that nobody has recorded in yet: what begins here is
 * its root span, without parent and link, and {@link rootTraceId} has the trace id for it. Where nothing is recorded, the
 * root is sent on as it came. `Sampled=0` is honoured as `b3: 0` is.
 *
 * Never throws, whatever the context, the carrier or the getter is.
 *
 * @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 * @example
 * propagation.setGlobalPropagator(new XRayPropagator());
 */
export class XRayPropagator implements TextMapPropagator<unknown> {
  /** @throws TypeError for options: there are none, unlike in packages that this one takes the place of. */
  constructor(options: { readonly [name: string]: never } = {}) {
    checkKnownOptions('XRayPropagator', options, []);
  }

  /** The context that continues the carrier's trace, or `context` itself when the header is absent or malformed. */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const header = readFirst(carrier, chosenGetter(getter), X_AMZN_TRACE_ID);
      const reading = header === undefined ? undefined : parseXRay(header);
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
      const spanContext = legalSpanContext(trace.getSpanContext(context), remoteSpanContext(context));
      const named = parentlessTrace(context);
      if (spanContext === undefined) {
        if (named !== undefined)
          writeHeader(
            carrier,
            setter,
            named.traceId,
            `Sampled=${named.state === 'accept' ? 1 : '?'}`,
            named.lineage,
          );
        return;
      }
      const { traceId, spanId } = spanContext;
      const lineage =
        traitsOf(context, spanContext)?.lineage ?? (named?.traceId === traceId ? named.lineage : undefined);
      const rest = `Parent=${spanId};Sampled=${sampledOf(context, spanContext)}`;
      writeHeader(carrier, setter, traceId, rest, lineage);
    } catch {
      // A context or span that cannot be read has nothing to say.
    }
  }

  /** `x-amzn-trace-id`. */
  fields(): string[] {
    return [X_AMZN_TRACE_ID];
  }
}

function writeHeader(
  carrier: unknown,
  setter: TextMapSetter | undefined,
  traceId: string,
  rest: string,
  lineage: string | undefined,
): void {
  const root = `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};${rest}`;
  const header = lineage === undefined ? root : `${root};Lineage=${lineage}`;
  writeField(carrier, chosenSetter(setter), X_AMZN_TRACE_ID, header);
}

function sampledOf(context: Context, spanContext: SpanContext): '0' | '1' | '?' {
  if (isStillDeferred(context, spanContext)) return '?';
  return (spanContext.traceFlags & TraceFlags.SAMPLED) !== 0 ? '1' : '0';
}

/**
 * `Root=1-8hex-24hex;Parent=16hex;Sampled=0`; `undefined` when there is no valid root or any known field is malformed. An
 * empty field, and a parent of zeros, counts as absent.
 */
export function parseXRay(value: string): XRayReading | undefined {
  if (value.length > MAX_XRAY_LENGTH) return undefined;
  const fields = new Map<string, string>();
  for (const part of firstOf(value, MAX_XRAY_LENGTH).split(';')) {
    const equals = part.indexOf('=');
    if (equals === -1) continue;
    const name = trimOws(part.slice(0, equals)).toLowerCase();
    const text = trimOws(part.slice(equals + 1));
    if (text !== '' && !fields.has(name)) fields.set(name, text);
  }
  const traceId = rootId(fields.get('root')?.toLowerCase() ?? '');
  const parent = fields.get('parent')?.toLowerCase();
  const state = stateOf(fields.get('sampled') ?? '?');
  if (traceId === undefined || state === undefined) return undefined;
  const spanId = parent === NO_PARENT ? undefined : parent;
  if (spanId !== undefined && !isHexId(spanId, 16)) return undefined;
  const lineage = fields.get('lineage');
  const legal = lineage !== undefined && /^[0-9a-z:|.-]{1,256}$/i.test(lineage);
  return { traceId, spanId, state, lineage: legal ? lineage : undefined };
}

const NO_PARENT = '0'.repeat(16);

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
