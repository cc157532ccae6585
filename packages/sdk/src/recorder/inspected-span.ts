import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/** The method that `util.inspect` and the console ask how to show an object. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** What `util.inspect` passes along. Another console may pass less. */
export interface InspectOptions {
  readonly depth?: number | null;
  stylize?(text: string, style: string): string;
}
export type Inspect = (value: object, options: InspectOptions) => string;

/** Returns what `util.inspect` shows of a span, by the name and with the members of the SDK's own. */
export function inspectedSpan(
  span: ReadableSpan,
  depth: number,
  options?: InspectOptions,
  inspect?: Inspect,
): unknown {
  if (depth < 0) return options?.stylize ? options.stylize('[SpanImpl]', 'special') : '[SpanImpl]';
  const shown = {
    name: span.name,
    kind: span.kind,
    spanContext: span.spanContext(),
    parentSpanContext: span.parentSpanContext,
    status: span.status,
    startTime: span.startTime,
    endTime: span.endTime,
    duration: span.duration,
    ended: span.ended,
    attributes: span.attributes,
    events: span.events,
    links: span.links,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
    instrumentationScope: span.instrumentationScope,
    resource: { attributes: settledAttributes(span) },
  };
  if (inspect === undefined || options === undefined) return shown;
  const inner = options.depth == null ? options : { ...options, depth: options.depth - 1 };
  return `SpanImpl ${inspect(shown, inner)}`;
}

/** Returns the attributes that need no waiting. Reading those that do is reported as an error. */
function settledAttributes({ resource }: ReadableSpan): Attributes {
  const settled: Attributes = {};
  for (const [key, value] of resource.getRawAttributes())
    if (value != null && !(value instanceof Promise)) settled[key] ??= value as string;
  return settled;
}
