import { after, before, describe, it } from 'node:test';
import { context, propagation, trace } from '@opentelemetry/api';
import { createTracedFetch } from '@throughline/fetch';
import { type ConformanceSdk, createSpanCollector } from '@throughline/testing';
import type { Platform } from '../../packages/fetch/test/differential/compare.ts';
import { defineDifferential } from '../../packages/fetch/test/differential/define.ts';

/** Registers, with `node:test`, the calls of `tracedFetch` that must come out as those of this Node's own fetch. */
export function defineFetchDifferential(sdk: ConformanceSdk): void {
  const spans = createSpanCollector();
  before(() => {
    context.setGlobalContextManager(sdk.createContextManager().enable());
    propagation.setGlobalPropagator(sdk.createPropagator());
    trace.setGlobalTracerProvider(sdk.createTracerProvider({ spanProcessors: [spans] }));
  });
  defineDifferential(
    { describe, it, after },
    {
      name: `the fetch of Node ${process.versions.node}`,
      platform: globalThis as Platform,
      traced: createTracedFetch() as typeof fetch,
      spans: {
        reset: () => spans.reset(),
        ended: () => spans.ended().length,
        open: () => spans.open().length,
      },
    },
  );
}
