import assert from 'node:assert/strict';
import { context, propagation, trace } from '@opentelemetry/api';
import type { ConformanceSdk, SpanProcessorLike } from './conformance-sdk.ts';
import { caseLimit, setDeadline, within } from './deadline.ts';
import { inSpanOf } from './in-span.ts';
import { metricPoints } from './metric-points.ts';
import { createSpanCollector } from './span-collector.ts';
import { onStage, type StageParts } from './stage.ts';
import type { CaseWorld, StagedCase } from './staged-case.ts';

/** What a kit adds to the world of its cases: the thing under test, from its start to its end. */
export interface Scene<World> {
  readonly world: World;
  /** Span processors that come before the collector. */
  readonly processors?: readonly SpanProcessorLike[];
  open(): Promise<void>;
  /** Called even when `open` or the case failed. */
  close(): Promise<void>;
  /** Called after `close`; throws an `AssertionError` when the case left something behind. */
  assertClean(): void;
}

/** Runs one case: sets the stage, opens the scene, asserts, cleans up, and fails on anything left behind. */
export async function runStagedCase<World, TraceOptions>(
  one: StagedCase<World, string, TraceOptions>,
  { sdk, deadline }: { readonly sdk: ConformanceSdk; readonly deadline?: number },
  createScene: (base: CaseWorld) => Scene<World>,
): Promise<void> {
  const spans = createSpanCollector();
  const meters = sdk.createMeterProvider();
  const manager = sdk.createContextManager();
  const propagator = sdk.createPropagator();
  const parts: { -readonly [Part in keyof StageParts]: StageParts[Part] } = {
    contextManager: one.contextManager?.(manager) ?? manager,
    propagator: one.propagator?.(propagator) ?? propagator,
    meterProvider: one.meterProvider?.(meters.meterProvider) ?? meters.meterProvider,
  };
  const scene = createScene({
    spans,
    parts,
    notes: [],
    inSpan: inSpanOf(spans),
    metric: async (name) => metricPoints(await meters.collect()).filter((point) => point.name === name),
  });
  parts.tracerProvider = sdk.createTracerProvider({
    spanProcessors: [...(one.processors ?? []), ...(scene.processors ?? []), spans],
    ...(one.sampler ? { sampler: one.sampler(scene.world) } : {}),
  });

  await onStage((one.sdk ?? 'early') === 'early' ? parts : undefined, async () => {
    setDeadline(deadline);
    try {
      await scene.open();
      await within(one.run(scene.world), () => 'the case to finish', caseLimit());
    } finally {
      await scene.close();
    }
    // Anything that ends late or twice does so by now: all sockets are gone, and two turns have passed.
    for (let turn = 0; turn < 2; turn += 1) await new Promise((next) => setImmediate(next));
    scene.assertClean();
    spans.assertClean();
    assert.equal(trace.getSpan(context.active()), undefined, 'a span is left active');
    assert.equal(propagation.getActiveBaggage(), undefined, 'baggage is left active');
  });
}
