import {
  type Context,
  context,
  diag,
  INVALID_SPAN_CONTEXT,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type InstrumentationScope, isTracingSuppressed } from '@opentelemetry/core';
import { type IdGenerator, type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace';
import { INSPECT } from './inspected-span.ts';
import type { Recording } from './recorded-span.ts';
import type { SpanRules } from './span-rules.ts';

/** The SDK's own tracer, which shows itself. */
interface Inspected extends Tracer {
  [INSPECT](...args: unknown[]): unknown;
}

/** What the tracers of a provider share. */
export interface TracerSettings extends Recording {
  /** Must not keep the attributes that it is shown: the span keeps the object. */
  readonly sampler: Sampler;
  readonly idGenerator: IdGenerator;
  readonly rules: SpanRules;
}

/** By itself, because its closure would be prepared for every span; nearly none starts with links. */
function offered(links: SpanOptions['links'], rules: SpanRules, limits: Recording['limits']): Link[] {
  if (Array.isArray(links) && links.length === 0) return [];
  return links?.map((link) => rules.offerLink(link, limits)) ?? [];
}

/** A tracer that decides as the SDK's own does, and starts a {@link RecordedSpan} where that records. */
export class RecordingTracer implements Tracer {
  readonly instrumentationScope: InstrumentationScope;
  private readonly _settings: TracerSettings;
  private readonly _original: Inspected;

  /** @param original The SDK's own tracer for the same scope. It is shown when this one is inspected. */
  constructor(scope: InstrumentationScope, settings: TracerSettings, original: Tracer) {
    this.instrumentationScope = scope;
    this._settings = settings;
    this._original = original as Inspected;
  }

  startSpan(name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
    const { sampler, idGenerator, rules, limits, processors } = this._settings;
    if (options.root) parent = trace.deleteSpan(parent);
    if (isTracingSuppressed(parent)) {
      diag.debug('Instrumentation suppressed, returning Noop Span');
      return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    }
    const known = trace.getSpan(parent)?.spanContext();
    const parentSpanContext = known && trace.isSpanContextValid(known) ? known : undefined;
    const spanId = idGenerator.generateSpanId();
    const traceId = parentSpanContext?.traceId ?? idGenerator.generateTraceId();
    const kind = options.kind ?? SpanKind.INTERNAL;
    const links = offered(options.links, rules, limits);
    const { attributes, dropped } = rules.offer(options.attributes);
    const verdict = sampler.shouldSample(parent, traceId, name, kind, attributes, links);
    const recorded = verdict.decision === SamplingDecision.RECORD_AND_SAMPLED;
    const spanContext = {
      traceId,
      spanId,
      traceFlags: recorded ? TraceFlags.SAMPLED : TraceFlags.NONE,
      traceState: verdict.traceState ?? parentSpanContext?.traceState,
    } as SpanContext;
    if (verdict.decision === SamplingDecision.NOT_RECORD) {
      diag.debug('Recording is off, propagating context in a non-recording span');
      return trace.wrapSpanContext(spanContext);
    }
    // Not by assignment of the whole object, which would take symbols along.
    if (verdict.attributes != null)
      for (const [key, value] of Object.entries(verdict.attributes)) attributes[key] = value;
    const span = rules.create({
      recording: this._settings,
      scope: this.instrumentationScope,
      spanContext,
      parent: parentSpanContext,
      name,
      kind,
      startTime: options.startTime,
      attributes,
      dropped,
      links,
    });
    for (const processor of processors) processor.onStart(span, parent);
    return span;
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    parent: Context,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    ...rest: unknown[]
  ): ReturnType<F> | undefined {
    if (rest.length === 0) return undefined;
    const [options, given, fn] =
      rest.length === 1
        ? [undefined, undefined, rest[0]]
        : rest.length === 2
          ? [rest[0], undefined, rest[1]]
          : rest;
    const parent = (given as Context | undefined) ?? context.active();
    const span = this.startSpan(name, options as SpanOptions | undefined, parent);
    const run = fn as (span: Span) => ReturnType<F>;
    return context.with(trace.setSpan(parent, span), run, undefined, span);
  }

  [INSPECT](...args: unknown[]): unknown {
    return this._original[INSPECT](...args);
  }
}
