import { type Attributes, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';
import {
  type AttributeValue,
  buildTraces,
  renderTraces,
  SPAN_KINDS,
  type TraceSpan,
  treeStyleFor,
} from '@throughline/trace-tree';

/** Where trees are drawn: a terminal gets colours, anything else plain text. */
export interface TreeOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A trace may continue in this process a moment after its last open span ended. Milliseconds. */
const QUIET = 50;
/** Spans held for traces that are not over; beyond it the oldest trace is printed as it is. */
const MAX_SPANS = 5_000;

interface OpenTrace {
  open: number;
  readonly spans: TraceSpan[];
  timer?: NodeJS.Timeout;
}

/** Draws each trace as a tree once no span of it is open in this process any more. */
export class TreePrinter implements SpanProcessor {
  readonly #output: TreeOutput;
  readonly #traces = new Map<string, OpenTrace>();
  #held = 0;

  constructor(output: TreeOutput) {
    this.#output = output;
  }

  /** Whether a finished span is not printed yet. */
  get waiting(): boolean {
    return this.#held > 0;
  }

  onStart(span: { spanContext(): { traceId: string } }): void {
    const { traceId } = span.spanContext();
    const trace = this.#traces.get(traceId) ?? { open: 0, spans: [] };
    trace.open++;
    clearTimeout(trace.timer);
    this.#traces.set(traceId, trace);
  }

  onEnd(span: ReadableSpan): void {
    const { traceId, traceFlags } = span.spanContext();
    const trace = this.#traces.get(traceId);
    if (trace === undefined) return;
    trace.open--;
    if ((traceFlags & TraceFlags.SAMPLED) !== 0) {
      trace.spans.push(toTraceSpan(span));
      this.#held++;
    }
    if (trace.open === 0) trace.timer = setTimeout(() => this.#print(traceId, trace), QUIET).unref();
    for (const [oldestId, oldest] of this.#traces) {
      if (this.#held <= MAX_SPANS) break;
      this.#print(oldestId, oldest);
    }
  }

  async forceFlush(): Promise<void> {
    for (const [traceId, trace] of this.#traces) this.#print(traceId, trace);
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }

  #print(traceId: string, trace: OpenTrace): void {
    clearTimeout(trace.timer);
    const spans = trace.spans.splice(0);
    this.#held -= spans.length;
    if (trace.open === 0) this.#traces.delete(traceId);
    if (spans.length === 0) return;
    const style = treeStyleFor(this.#output, process.env);
    this.#output.write(`${renderTraces(buildTraces(spans), style)}\n`);
  }
}

function toTraceSpan(span: ReadableSpan): TraceSpan {
  const { traceId, spanId } = span.spanContext();
  const { parentSpanContext: parent } = span;
  const start = micros(span.startTime);
  return {
    traceId,
    spanId,
    ...(parent && { parentId: parent.spanId, parentRemote: parent.isRemote === true }),
    kind: SPAN_KINDS[span.kind] ?? 'INTERNAL',
    service: String(span.resource.attributes['service.name'] ?? 'unknown_service'),
    name: span.name,
    start,
    end: Math.max(start, micros(span.endTime)),
    error: span.status.code === SpanStatusCode.ERROR,
    attributes: span.attributes as Attributes as Readonly<Record<string, AttributeValue>>,
  };
}

function micros([seconds, nanos]: readonly [number, number]): number {
  return seconds * 1_000_000 + Math.floor(nanos / 1000);
}
