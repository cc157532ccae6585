import {
  type Context,
  createContextKey,
  type Span,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { activeContext } from './active-context.ts';
import { splitTarget } from './http-server-attributes.ts';
import type { HttpServerRequest } from './http-server-request.ts';

/** Where OpenTelemetry's HTTP instrumentation leaves its SERVER span for the framework's to complete. */
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

interface RpcMetadata {
  readonly type: string;
  readonly span?: Span;
  route?: string;
}

/** What SDK spans show of themselves beyond the API. */
interface ReadableSpan extends Span {
  readonly kind?: SpanKind;
  readonly attributes?: { readonly [name: string]: unknown };
  readonly parentSpanContext?: SpanContext;
  readonly instrumentationScope?: { readonly name: string };
}

/** Another instrumentation's SERVER span for a request, with the context it is active in. */
export interface AdoptedSpan {
  readonly span: Span;
  readonly context: Context;
  /** Tells the owner the route: it names its span by it when it ends it. */
  setRoute(route: string): void;
}

/**
 * The SERVER span that another instrumentation has already started for this very request, if there is one.
 *
 * A span that is merely active proves nothing: a server may have been created while another request was handled.
 * So it must say the same path, or have the parent that this request's headers name.
 */
export function findServerSpan(
  request: HttpServerRequest,
  caller: SpanContext | undefined,
): AdoptedSpan | undefined {
  const context = activeContext();
  const metadata = context.getValue(RPC_METADATA) as RpcMetadata | undefined;
  const byMetadata = metadata?.type === 'http' ? metadata.span : undefined;
  const span = (byMetadata ?? trace.getSpan(context)) as ReadableSpan | undefined;
  if (span === undefined) return undefined;
  const adopted: AdoptedSpan = {
    span,
    context,
    setRoute(route) {
      if (metadata !== undefined) metadata.route = route;
    },
  };
  // An unsampled span shows nothing of itself; the metadata alone vouches for it.
  if (!span.isRecording()) return byMetadata && isUnsampledFor(span, caller) ? adopted : undefined;
  if (span.kind !== SpanKind.SERVER || span.instrumentationScope?.name.startsWith('@throughline/'))
    return undefined;
  return isFor(span, request, caller) ? adopted : undefined;
}

/** One that is sampled and not recording has ended: it served an earlier request. */
function isUnsampledFor(span: Span, caller: SpanContext | undefined): boolean {
  const { traceId, traceFlags } = span.spanContext();
  return (traceFlags & TraceFlags.SAMPLED) === 0 && (caller === undefined || caller.traceId === traceId);
}

function isFor(span: ReadableSpan, request: HttpServerRequest, caller: SpanContext | undefined): boolean {
  const seen = span.attributes ?? {};
  if (seen['url.path'] !== undefined) return seen['url.path'] === splitTarget(request.target).path;
  if (seen['http.target'] !== undefined) return seen['http.target'] === request.target;
  return caller !== undefined && span.parentSpanContext?.spanId === caller.spanId;
}
