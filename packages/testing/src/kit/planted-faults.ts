import type { CaseWorld, StagedCase } from './staged-case.ts';

/** Returns a function that throws. */
export function planted(where: string): () => never {
  return () => {
    throw new Error(`planted in ${where}`);
  };
}

/** Whether the spans of a case can still be made with the fault in place. */
type Spans = 'kept' | 'lost';

/** The broken hooks that kits plant. */
export const HOOK_FAULTS: readonly (readonly [
  what: string,
  fault: {
    readonly needs: readonly 'hooks'[];
    traceOptions(): { readonly requestHook: () => void; readonly responseHook: () => void };
  },
  spans: Spans,
])[] = [
  [
    'requestHook and responseHook throw',
    {
      needs: ['hooks'],
      traceOptions: () => ({ requestHook: planted('requestHook'), responseHook: planted('responseHook') }),
    },
    'kept',
  ],
  [
    'hooks return promises that reject',
    {
      needs: ['hooks'],
      traceOptions: () => ({
        requestHook: async () => planted('async requestHook')(),
        responseHook: async () => planted('async responseHook')(),
      }),
    },
    'kept',
  ],
];

/** The broken parts of an SDK that every kit plants. */
export const SDK_FAULTS: readonly (readonly [
  what: string,
  fault: Pick<StagedCase<unknown, never, never>, 'propagator' | 'sampler' | 'processors'>,
  spans: Spans,
])[] = [
  [
    'the propagator throws',
    {
      propagator: () => ({
        extract: planted('extract'),
        inject: planted('inject'),
        fields: planted('fields'),
      }),
    },
    'kept',
  ],
  [
    'the sampler throws',
    { sampler: () => ({ shouldSample: planted('the sampler'), toString: () => 'throwing sampler' }) },
    'lost',
  ],
  [
    'a span processor throws',
    {
      processors: [
        {
          onStart: planted('onStart'),
          onEnd: planted('onEnd'),
          forceFlush: async () => {},
          shutdown: async () => {},
        },
      ],
    },
    'lost',
  ],
];

/**
 * Returns a function that makes a case in which a callback or a part of the SDK is broken.
 *
 * @param action What continues, as the name of the case says it: `calls on`.
 * @param use Asserts that what is under test works as if nothing were wrong.
 * @param takeSpans Takes the spans that `use` leaves.
 */
export function faultCase<World extends CaseWorld, Need extends string, TraceOptions>(
  action: string,
  use: (world: World) => Promise<void>,
  takeSpans: (world: World) => Promise<unknown>,
) {
  type Case = StagedCase<World, Need, TraceOptions>;
  return (what: string, fault: Omit<Case, 'name' | 'run'>, spans: Spans): Case => ({
    name: `${action} when ${what}`,
    ...fault,
    async run(world) {
      await use(world);
      if (spans === 'kept') await takeSpans(world);
      // Half-made spans may stay behind when the SDK itself is broken; only the work is promised.
      else world.spans.reset();
    },
  });
}
