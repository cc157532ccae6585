import {
  type Context,
  createContextKey,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { guarded, reportOnce } from '@throughline/core/seam';
import { splitTarget } from './http-server-attributes.ts';
import type { HttpServerRequest } from './http-server-request.ts';

/** Where OpenTelemetry's HTTP instrumentation leaves its SERVER span for the framework's to complete. */
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

interface RpcMetadata {
  readonly type: string;
  readonly span?: Span;
  route?: string;
}

/** What spans may show beyond the API: an SDK's span all of it, another tracer's a part or nothing. */
interface ReadableSpan extends Span {
  readonly kind?: SpanKind;
  readonly attributes?: { readonly [name: string]: unknown };
  readonly parentSpanContext?: SpanContext;
  readonly instrumentationScope?: { readonly name: string };
}

/**
 * Another tracer's span that is active when a request arrives, and was started for it.
 *
 * @internal Does not follow semantic versioning.
 */
export interface ForeignSpan {
  readonly span: Span;
  /** The context that it is active in. */
  readonly context: Context;
  /**
   * - `server`: the request's SERVER span, to be completed instead of starting another.
   * - `above`: a span of the request, perhaps not its SERVER span, which must not be written to; ours is its child.
   * - `beside`: as `above`, but in another trace than the one that the headers name; ours is linked to it.
   */
  readonly relation: 'server' | 'above' | 'beside';
  /** Passes the route to the span's owner, which puts it into the name when it ends the span. */
  setRoute(route: string): void;
}

/** Spans that cannot belong to a later request: active around an earlier one or around a mount, or our own. */
const notForLater = new WeakSet<Span>();

/** Keeps the span that is active now, if any, from being taken for the span of a later request. */
export function disclaimActiveSpan(): void {
  const span = guarded('a context manager or a span threw', () => trace.getSpan(activeContext()));
  if (span !== undefined) notForLater.add(span);
}

/** Does the same as {@link disclaimActiveSpan} for a span of ours, unless its scope already shows that it is ours. */
export function disclaim(span: ReadableSpan): void {
  if (span.instrumentationScope === undefined) notForLater.add(span);
}

/**
 * Returns the span that another tracer has already started for this very request, if there is one.
 *
 * A span that is only active proves nothing: the server may have been created while another request was handled. An SDK's
 * span shows a path or a parent. A span that shows neither counts if it belongs to the caller's trace, or was never active
 * before: a span that leaks into requests leaks into all of them, and was active when the middleware was mounted.
 */
export function findForeignSpan(
  request: HttpServerRequest,
  caller: SpanContext | undefined,
): ForeignSpan | undefined {
  const context = activeContext();
  if (context === ROOT_CONTEXT) return undefined;
  try {
    return find(context, request, caller);
  } catch (error) {
    reportOnce("another tracer's span could not be read", error);
    return undefined;
  }
}

function find(
  context: Context,
  request: HttpServerRequest,
  caller: SpanContext | undefined,
): ForeignSpan | undefined {
  const metadata = context.getValue(RPC_METADATA) as RpcMetadata | undefined;
  const byMetadata = metadata?.type === 'http' ? metadata.span : undefined;
  const span = (byMetadata ?? trace.getSpan(context)) as ReadableSpan | undefined;
  if (span === undefined || span.instrumentationScope?.name.startsWith('@throughline/')) return undefined;
  const known = notForLater.has(span);
  notForLater.add(span);
  const relation = relationOf(span, byMetadata !== undefined, known, request, caller);
  if (relation === undefined) return undefined;
  return {
    span,
    context,
    relation,
    setRoute(route) {
      if (metadata !== undefined) metadata.route = route;
    },
  };
}

function relationOf(
  span: ReadableSpan,
  byMetadata: boolean,
  known: boolean,
  request: HttpServerRequest,
  caller: SpanContext | undefined,
): ForeignSpan['relation'] | undefined {
  const own = span.spanContext();
  // The caller's own span context, activated by hand, is what our extraction finds, too.
  if (!trace.isSpanContextValid(own) || own.isRemote || own.spanId === caller?.spanId)
    return byMetadata && isUnsampledFor(span, caller) ? 'server' : undefined;
  const recording = span.isRecording();
  // One that is sampled and not recording has ended: it served an earlier request.
  if (!recording && (own.traceFlags & TraceFlags.SAMPLED) !== 0) return undefined;
  const { kind } = span;
  if (kind !== undefined && kind !== SpanKind.SERVER && kind !== SpanKind.INTERNAL) return undefined;
  const continues = caller !== undefined && own.traceId === caller.traceId;
  if (kind === SpanKind.SERVER || (byMetadata && kind === undefined)) {
    if (recording ? showsRequest(span, request, caller) : byMetadata && isUnsampledFor(span, caller))
      return 'server';
    // The span shows neither path nor parent, but the metadata was made for the request that it came with.
    if (byMetadata && recording && !known && pathOf(span) === undefined) return 'server';
  }
  if (continues) return 'above';
  if (known) return undefined;
  return caller === undefined ? 'above' : 'beside';
}

function isUnsampledFor(span: Span, caller: SpanContext | undefined): boolean {
  const { traceId, traceFlags } = span.spanContext();
  return (traceFlags & TraceFlags.SAMPLED) === 0 && (caller === undefined || caller.traceId === traceId);
}

/** Returns whether an SDK's span has this request's path, or the parent that its headers name. */
function showsRequest(
  span: ReadableSpan,
  request: HttpServerRequest,
  caller: SpanContext | undefined,
): boolean {
  const path = pathOf(span);
  if (path !== undefined && (path === request.target || path === splitTarget(request.target).path))
    return true;
  return caller !== undefined && span.parentSpanContext?.spanId === caller.spanId;
}

function pathOf({ attributes }: ReadableSpan): unknown {
  return attributes?.['url.path'] ?? attributes?.['http.target'];
}
