import { type Attributes, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';
import { guarded } from '@throughline/core/seam';
import {
  type AttributeValue,
  buildTraces,
  renderTraces,
  SPAN_KINDS,
  type TraceSpan,
  treeStyleFor,
} from '@throughline/trace-tree';

/** Where trees are written: in colour to a terminal, in plain text to anything else. */
export interface TreeOutput {
  /** Absent: not a terminal. */
  readonly isTTY?: boolean;
  /** The width. Absent: a default of the drawing. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** How long a trace is held after its last open span ended, in milliseconds, because it may continue in this process. */
const QUIET = 50;
/** How many spans are held for unfinished traces. Beyond it, the oldest trace is printed as it is. */
const MAX_SPANS = 5_000;

interface OpenTrace {
  open: number;
  readonly spans: TraceSpan[];
  /** Absent: no span of the trace has ended as the last one. */
  timer?: NodeJS.Timeout;
}

/** Draws each trace as a tree when none of its spans is open in this process any more. */
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
    if (trace.open === 0) {
      const print = () => guarded('a trace could not be printed', () => this.#print(traceId, trace));
      trace.timer = setTimeout(print, QUIET).unref();
    }
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
