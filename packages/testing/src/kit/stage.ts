import assert from 'node:assert/strict';
import {
  type Context,
  type ContextManager,
  context,
  createNoopMeter,
  type Meter,
  type MeterProvider,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  type TextMapPropagator,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';

/** What the API's globals call while one case runs; an absent part behaves as if it were never registered. */
export interface StageParts {
  readonly tracerProvider?: TracerProvider;
  readonly contextManager?: ContextManager;
  readonly propagator?: TextMapPropagator;
  readonly meterProvider?: MeterProvider;
}

// An adapter may keep the tracer of its first request, as the API's own proxies do. So the globals are registered
// once, and what they call changes from case to case.
let parts: StageParts = {};
let queue: Promise<void> = Promise.resolve();

/**
 * Runs `body` with these parts behind the API's globals, after all earlier stages have ended.
 *
 * With `undefined`, nothing is registered: the process behaves as if it had no SDK.
 */
export async function onStage<T>(given: StageParts | undefined, body: () => Promise<T>): Promise<T> {
  const before = queue;
  let leave!: () => void;
  queue = new Promise((resolve) => {
    leave = resolve;
  });
  await before;
  const strays = catchStrays();
  try {
    if (given) register(given);
    const result = await body();
    strays.assertNone();
    return result;
  } finally {
    strays.release();
    parts.contextManager?.disable();
    parts = {};
    for (const api of [trace, context, propagation, metrics]) api.disable();
    leave();
  }
}

// A runner would blame the process for a stray error; it belongs to the case that caused it.
function catchStrays() {
  const caught: string[] = [];
  const restore = (['unhandledRejection', 'uncaughtException'] as const).map((event) => {
    const others = process.listeners(event as 'uncaughtException');
    const note = (reason: unknown): number => caught.push(`${event}: ${String(reason)}`);
    process.removeAllListeners(event);
    process.on(event, note);
    return () => {
      process.removeListener(event, note);
      for (const other of others) process.on(event as 'uncaughtException', other);
    };
  });
  return {
    assertNone: () => assert.deepEqual(caught, [], 'unhandled errors'),
    release() {
      for (const one of restore) one();
    },
  };
}

/** Makes the globals call these parts. Cases that start the SDK after mounting the adapter call it themselves. */
export function register(given: StageParts): void {
  parts = given;
  given.contextManager?.enable();
  if (given.contextManager) context.setGlobalContextManager(contextManager);
  if (given.propagator) propagation.setGlobalPropagator(propagator);
  if (given.tracerProvider) trace.setGlobalTracerProvider(tracerProvider);
  if (given.meterProvider) metrics.setGlobalMeterProvider(meterProvider);
}

const contextManager: ContextManager = {
  active: () => parts.contextManager?.active() ?? ROOT_CONTEXT,
  with(ctx, fn, thisArg, ...args) {
    return parts.contextManager
      ? parts.contextManager.with(ctx, fn, thisArg, ...args)
      : fn.apply(thisArg as never, args);
  },
  bind: (ctx, target) => parts.contextManager?.bind(ctx, target) ?? target,
  enable: () => contextManager,
  disable: () => contextManager,
};

const propagator: TextMapPropagator = {
  inject: (ctx, carrier, setter) => parts.propagator?.inject(ctx, carrier, setter),
  extract: (ctx, carrier, getter) => parts.propagator?.extract(ctx, carrier, getter) ?? ctx,
  fields: () => parts.propagator?.fields() ?? [],
};

const meterProvider: MeterProvider = {
  getMeter(name, version, options) {
    const meter = (): Meter => parts.meterProvider?.getMeter(name, version, options) ?? createNoopMeter();
    const staged: Meter = Object.create(createNoopMeter());
    staged.createHistogram = (...key) => {
      const histogram = perStage(() => meter().createHistogram(...key));
      return { record: (...recorded) => histogram().record(...recorded) };
    };
    staged.createCounter = (...key) => {
      const counter = perStage(() => meter().createCounter(...key));
      return { add: (...added) => counter().add(...added) };
    };
    staged.createUpDownCounter = (...key) => {
      const counter = perStage(() => meter().createUpDownCounter(...key));
      return { add: (...added) => counter().add(...added) };
    };
    // Made by an adapter while its case runs, so these need not outlive it.
    staged.createObservableCounter = (...key) => meter().createObservableCounter(...key);
    staged.createObservableUpDownCounter = (...key) => meter().createObservableUpDownCounter(...key);
    return staged;
  },
};

function perStage<T>(create: () => T): () => T {
  let made: { readonly parts: StageParts; readonly value: T } | undefined;
  return () => {
    if (made?.parts !== parts) made = { parts, value: create() };
    return made.value;
  };
}

const tracerProvider: TracerProvider = {
  getTracer: (name, version, options) => new StagedTracer(name, version, options),
};

class StagedTracer implements Tracer {
  readonly #key: [name: string, version: string | undefined, options: TracerOptions | undefined];

  constructor(name: string, version: string | undefined, options: TracerOptions | undefined) {
    this.#key = [name, version, options];
  }

  startSpan(name: string, options?: SpanOptions, ctx?: Context): Span {
    return this.#current()?.startSpan(name, options, ctx) ?? trace.wrapSpanContext(NO_SPAN);
  }

  startActiveSpan(...args: unknown[]): never {
    const fn = args.pop() as (span: Span) => never;
    const [name, options, given] = args as [string, SpanOptions | undefined, Context | undefined];
    const parent = given ?? context.active();
    const span = this.startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, span), () => fn(span));
  }

  #current(): Tracer | undefined {
    return parts.tracerProvider?.getTracer(...this.#key);
  }
}

const NO_SPAN = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };
