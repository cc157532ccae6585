import assert from 'node:assert/strict';
import { type Context, context, type Span, trace } from '@opentelemetry/api';
import type { SpanProcessorLike } from './conformance-sdk.ts';
import { within } from './deadline.ts';
import { withResolvers } from './gate.ts';
import type { RecordedSpan } from './recorded-span.ts';
import { describeSpan, describeTrace } from './trace-tree.ts';

/** A span processor that keeps each span until a test takes it, and reports what a test left over. */
export interface SpanCollector extends SpanProcessorLike {
  /**
   * Takes the oldest ended span that matches; waits until there is one.
   *
   * Rejects after `deadline` milliseconds with a list of the spans still open and those ended but not taken.
   * @default deadline 2000
   */
  take(match?: (span: RecordedSpan) => boolean, deadline?: number): Promise<RecordedSpan>;
  /** Takes `count` ended spans that match, oldest first. */
  takeMany(count: number, match?: (span: RecordedSpan) => boolean): Promise<RecordedSpan[]>;
  /** Returns the spans that were started and not ended, oldest first. */
  open(): RecordedSpan[];
  /** Returns the spans that ended and were not taken, oldest first. */
  ended(): RecordedSpan[];
  /**
   * Throws an `AssertionError` when a span is left over, still open, was ended twice or written to after its end,
   * or when the active span is one of this collector's. Call it at the end of each test.
   */
  assertClean(): void;
  /** Forgets everything, so that one collector serves several tests. */
  reset(): void;
}

/**
 * Returns a span collector. It fits the `spanProcessors` of SDK 2.x and 3.x.
 *
 * @example
 * const spans = createSpanCollector();
 * const provider = new TracerProvider({ spanProcessors: [spans] });
 * provider.getTracer('example').startSpan('work').end();
 * const span = await spans.take(({ name }) => name === 'work');
 * spans.assertClean();
 */
export function createSpanCollector(): SpanCollector {
  const started = new Set<RecordedSpan>();
  const ended = new Set<RecordedSpan>();
  const known = new Map<string, RecordedSpan>();
  let faults: string[] = [];
  let changed = withResolvers<void>();

  function oldest(match: (span: RecordedSpan) => boolean): RecordedSpan | undefined {
    for (const span of ended) if (match(span)) return span;
    return undefined;
  }

  const collector: SpanCollector = {
    onStart(span: Span & RecordedSpan, _parent: Context): void {
      started.add(span);
      known.set(span.spanContext().spanId, span);
      watch(span);
    },
    onEnd(span: RecordedSpan): void {
      const mine = known.get(span.spanContext().spanId) ?? span;
      started.delete(mine);
      ended.add(mine);
      changed.resolve();
      changed = withResolvers();
    },
    async forceFlush() {},
    async shutdown() {},
    async take(match = () => true, deadline) {
      const search = async (): Promise<RecordedSpan> => {
        for (;;) {
          const span = oldest(match);
          if (span) return span;
          await changed.promise;
        }
      };
      const span = await within(search(), () => `an ended span that matches\n${inventory()}`, deadline);
      ended.delete(span);
      return span;
    },
    async takeMany(count, match) {
      const taken: RecordedSpan[] = [];
      while (taken.length < count) taken.push(await collector.take(match));
      return taken;
    },
    open: () => [...started],
    ended: () => [...ended],
    assertClean() {
      const left = [...faults];
      if (started.size > 0) left.push(`left open: ${[...started].map(describeSpan).join('; ')}`);
      if (ended.size > 0) left.push(`left over, taken by no assertion:\n${describeTrace([...ended])}`);
      const active = trace.getSpan(context.active())?.spanContext().spanId;
      const leaked = active === undefined ? undefined : known.get(active);
      if (leaked) left.push(`left active after its work: ${describeSpan(leaked)}`);
      if (left.length > 0) assert.fail(left.join('\n'));
    },
    reset() {
      started.clear();
      ended.clear();
      known.clear();
      faults = [];
    },
  };

  function inventory(): string {
    return `open:\n${describeTrace([...started])}\nended, not taken:\n${describeTrace([...ended])}`;
  }

  // An SDK ignores a second end() and late writes but for a log line; a test must fail on them.
  function watch(span: Span & RecordedSpan): void {
    let ends = 0;
    const end = span.end;
    span.end = function watchedEnd(...time) {
      ends += 1;
      if (ends > 1) faults.push(`ended ${ends} times: ${describeSpan(span)}`);
      end.apply(this, time);
    };
    for (const name of WRITES) {
      const write = span[name] as (...args: unknown[]) => unknown;
      if (typeof write !== 'function') continue;
      Object.defineProperty(span, name, {
        configurable: true,
        value: function watchedWrite(this: unknown, ...args: unknown[]) {
          if (ends > 0) faults.push(`${name}() after the end: ${describeSpan(span)}`);
          return write.apply(this, args);
        },
      });
    }
  }

  return collector;
}

const WRITES = [
  'setAttribute',
  'setAttributes',
  'addEvent',
  'addLink',
  'addLinks',
  'setStatus',
  'updateName',
  'recordException',
] as const satisfies readonly (keyof Span)[];
