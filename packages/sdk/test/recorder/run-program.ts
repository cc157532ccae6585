import { inspect } from 'node:util';
import {
  type Context,
  context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, Sampler, SpanProcessor, TracerProviderOptions } from '@opentelemetry/sdk-trace';
import { vi } from 'vitest';
import {
  BEGINNING,
  type Parent,
  type ProcessorKind,
  type Program,
  type Setting,
  type Step,
  type View,
} from './random-program.ts';

/** What can be compared: a tracer provider, and what its SDK brings. */
export interface Contestant {
  createProvider(options: TracerProviderOptions): {
    getTracer(name: string, version?: string, options?: object): Tracer;
  };
}

/** What happened, in order, and the spans that reached the exporter. */
export interface Transcript {
  readonly lines: readonly string[];
  readonly exported: readonly ReadableSpan[];
}

const shown = (value: unknown, depth = 12) => {
  try {
    return inspect(value, { depth, maxArrayLength: null, maxStringLength: null, breakLength: Infinity });
  } catch (error) {
    // The key `__proto__` can make an object that only looks like bytes.
    return `cannot be shown: ${error}`;
  }
};
/** The engine's own errors quote the code that failed, so only their class is compared. */
const shownError = (error: unknown) => {
  if (error instanceof TypeError) return error.name;
  return error instanceof Error ? `${error.name}: ${error.message}` : shown(error);
};

/** Everything that can be read from a span through the interfaces of the SDK. */
export function shownSpan(span: Span): string {
  const {
    name,
    kind,
    parentSpanContext,
    startTime,
    endTime,
    status,
    attributes,
    links,
    events,
    duration,
    ended,
    resource,
    instrumentationScope,
    droppedAttributesCount,
    droppedEventsCount,
    droppedLinksCount,
  } = span as Span & ReadableSpan;
  return shown({
    spanContext: span.spanContext(),
    recording: span.isRecording(),
    name,
    kind,
    parentSpanContext,
    startTime,
    endTime,
    status,
    attributes,
    links,
    events,
    duration,
    ended,
    resource: resource?.attributes,
    instrumentationScope,
    droppedAttributesCount,
    droppedEventsCount,
    droppedLinksCount,
  });
}

/** Runs a program on a tracer with ids and a clock that are the same each time. */
export function runProgram(
  { setting, steps }: Program,
  contestant: Contestant,
  resource: Resource,
): Transcript {
  const lines: string[] = [];
  const exported: ReadableSpan[] = [];
  const log = (line: string) => void lines.push(line);
  const attempt = (what: string, fn: () => unknown) => {
    try {
      const returned = fn();
      return returned;
    } catch (error) {
      log(`${what} threw ${shownError(error)}`);
      return undefined;
    }
  };
  let elapsed = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => BEGINNING.date + Math.floor(elapsed));
  vi.spyOn(performance, 'now').mockImplementation(() => BEGINNING.performance + elapsed);
  const logger = Object.fromEntries(
    ['error', 'warn', 'info', 'debug', 'verbose'].map((level) => [
      level,
      (...args: unknown[]) =>
        log(
          `diag.${level} ${args.map((arg) => (arg instanceof Error ? shownError(arg) : shown(arg))).join(' ')}`,
        ),
    ]),
  );
  diag.setLogger(logger as never, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true });
  lines.length = 0;
  try {
    const provider = contestant.createProvider({
      resource,
      spanProcessors: setting.processors.map((kind, index) => processorOf(kind, index, log)),
      idGenerator: idGeneratorOf(setting),
      ...(setting.limits && { spanLimits: setting.limits }),
      ...(setting.verdicts !== 'default' && { sampler: samplerOf(setting.verdicts, log) }),
    });
    const tracer = provider.getTracer('differential', '1.2', { schemaUrl: 'https://example.com/schema' });
    const spans: Span[] = [];
    for (const step of steps) {
      if (step.do === 'wait') elapsed += step.milliseconds;
      else if (step.do === 'start') {
        const span = attempt('start', () => started(step, tracer, contextOf(step.parent, spans)));
        if (span === undefined) continue;
        spans.push(span as Span);
        log(`started ${shownSpan(span as Span)}`);
      } else {
        const span = spans[step.index % spans.length];
        if (span === undefined) continue;
        const seen = viewed(span, step.view);
        const method = seen[step.method] as (...args: unknown[]) => unknown;
        const returned = attempt(step.method, () => method.apply(seen, [...step.args]));
        log(
          `${step.method} returned ${returned === seen ? 'the span' : shown(returned)}; ${shownSpan(seen)}`,
        );
      }
    }
    for (const span of spans) {
      if (span.isRecording()) attempt('end', () => span.end());
      log(`at the end ${shownSpan(span)}`);
      log(shown(span));
      if ((span as Span & Partial<ReadableSpan>).ended) exported.push(span as Span & ReadableSpan);
    }
    log(shown(tracer));
    for (const depth of [-1, 0, 1]) log(shown([spans[0], tracer], depth));
  } finally {
    diag.disable();
    vi.restoreAllMocks();
  }
  return { lines, exported };
}

function started(
  { name, options, how }: Extract<Step, { do: 'start' }>,
  tracer: Tracer,
  parent: Context,
): Span {
  const given = options as object;
  let active: unknown;
  const fn = (span: Span) => {
    active = trace.getActiveSpan();
    return span;
  };
  const result = (() => {
    switch (how) {
      case 'startSpan':
        return tracer.startSpan(name, given, parent);
      case 'startSpan in the active context':
        return context.with(parent, () => tracer.startSpan(name, given));
      case 'active':
        return context.with(parent, () => tracer.startActiveSpan(name, fn));
      case 'active with options':
        return context.with(parent, () => tracer.startActiveSpan(name, given, fn));
      case 'all':
        return tracer.startActiveSpan(name, given, parent, fn);
    }
  })();
  if (how !== 'startSpan' && how !== 'startSpan in the active context' && active !== result)
    throw new Error('the span was not active');
  return result;
}

function contextOf(parent: Parent, spans: readonly Span[]): Context {
  const span =
    parent.kind === 'remote' || parent.kind === 'none'
      ? undefined
      : spans[('index' in parent ? parent.index : 0) % spans.length];
  const below = span === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, span);
  if (parent.kind === 'remote') return trace.setSpanContext(ROOT_CONTEXT, parent.spanContext);
  if (parent.kind === 'suppressed') return suppressTracing(ROOT_CONTEXT);
  return parent.kind === 'suppressed below a span' ? suppressTracing(below) : below;
}

function viewed(span: Span, view: View): Span {
  if (view === 'itself') return span;
  return view === 'proxy' ? new Proxy(span, {}) : (Object.create(span) as Span);
}

function idGeneratorOf({ brokenIds }: Setting) {
  let ids = 0;
  const id = (length: number) => (++ids).toString(16).padStart(length, '0');
  return {
    generateTraceId: () => (brokenIds && ids % 4 === 1 ? 'no trace id' : id(32)),
    generateSpanId: () => (brokenIds && ids % 5 === 1 ? '' : id(16)),
  };
}

function samplerOf(verdicts: Exclude<Setting['verdicts'], 'default'>, log: (line: string) => void): Sampler {
  let asked = 0;
  return {
    shouldSample(parent, traceId, name, kind, attributes, links) {
      log(`sampler ${shown([trace.getSpanContext(parent), traceId, name, kind, attributes, links])}`);
      const verdict = verdicts[asked++ % verdicts.length] as (typeof verdicts)[number];
      if (verdict === 'throws') throw new Error('the sampler failed');
      if (verdict !== 'writes') return verdict;
      Object.assign(attributes, { sampled: true, list: ['a', 1], none: null });
      return { decision: 2 };
    },
    toString: () => 'Scripted',
  };
}

function processorOf(kind: ProcessorKind, index: number, log: (line: string) => void): SpanProcessor {
  const called = (callback: string, span: Span) => log(`processor ${index} ${callback} ${shownSpan(span)}`);
  return {
    onStart(span, parent) {
      called('onStart', span);
      log(shown(trace.getSpanContext(parent)));
      if (kind === 'throws') throw new Error(`processor ${index} failed`);
      if (kind === 'changes the span') Object.assign(span, { name: `${span.name}!` }).attributes.changed = 1;
      if (kind === 'writes') span.setAttribute('started', 'by a processor').addEvent('started').addLinks([]);
    },
    ...(kind !== 'without onEnding' && {
      onEnding(span: Span) {
        called('onEnding', span);
        if (kind === 'writes') span.setAttributes({ ending: 1, b: 'overwritten' }).setStatus({ code: 1 });
      },
    }),
    onEnd(span) {
      called('onEnd', span as unknown as Span);
      if (kind === 'throws') throw new Error(`processor ${index} failed`);
      if (kind === 'changes the span') delete (span.attributes as Record<string, unknown>).a;
      if (kind === 'writes') (span as unknown as Span).setAttribute('late', 1).updateName('late');
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
}
