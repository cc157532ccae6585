import type { Entry } from './contenders.ts';
import { httpDuel, type Timing } from './duel.ts';
import type { LoadPlan } from './process/load.ts';
import { type Duel, type Result, shuffled, summarize } from './statistics.ts';

/** What is varied, at which sizes, and what a request then looks like. */
export interface Dimension {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  plan(size: number): Partial<LoadPlan>;
  /** What the measured server is told of the size, by its environment. */
  env?(size: number): Record<string, string>;
}

const hostile = (field: 'traceparent' | 'tracestate' | 'baggage'): Dimension => ({
  id: `hostile-${field}`,
  title: `a ${field} of many bytes that is no ${field}`,
  unit: 'bytes',
  // Node refuses larger heads than the servers of this bench are told to take, 64 KB.
  sizes: [1024, 4096, 16_384, 60_000],
  plan: (bytes) => ({ hostile: { field, bytes } }),
});

export const DIMENSIONS: readonly Dimension[] = [
  {
    id: 'attributes',
    title: 'attributes that the application adds',
    unit: 'attributes',
    sizes: [0, 4, 16, 32, 64],
    plan: () => ({}),
    env: (attributes) => ({ BENCH_ATTRIBUTES: String(attributes) }),
  },
  {
    id: 'connections',
    title: 'requests under way at once',
    unit: 'requests',
    sizes: [1, 8, 64, 256, 512],
    plan: (connections) => ({ connections }),
  },
  {
    id: 'response',
    title: 'bytes of the response',
    unit: 'bytes',
    sizes: [100, 10_000, 100_000, 1_000_000],
    plan: (size) => ({ path: `/bytes/${size}` }),
  },
  hostile('traceparent'),
  hostile('tracestate'),
  hostile('baggage'),
];

export interface ScalingPoint extends Result {
  readonly size: number;
}

/** What the variant adds to a bare request on `node:http` at each size of each dimension. */
export async function measureScaling(
  bare: Entry,
  variant: Entry,
  rounds: number,
  timing: Timing,
  progress: (what: string) => void,
): Promise<Record<string, ScalingPoint[]>> {
  const duels = new Map<string, Duel[]>();
  const points = DIMENSIONS.flatMap((dimension) => dimension.sizes.map((size) => ({ dimension, size })));
  for (let round = 0; round < rounds; round++) {
    for (const { dimension, size } of shuffled(points)) {
      const slow = { ...timing, warmUpCount: Math.min(timing.warmUpCount, 3000) };
      const sized = dimension.env === undefined ? variant : { ...variant, env: dimension.env(size) };
      const result = await httpDuel('http', bare, sized, slow, dimension.plan(size), ['sampled']);
      const duel = result.get('sampled');
      const key = `${dimension.id} ${size}`;
      if (duel !== undefined) duels.set(key, [...(duels.get(key) ?? []), duel]);
      progress(`${round + 1}/${rounds} scaling ${key}`);
    }
  }
  return Object.fromEntries(
    DIMENSIONS.map(({ id, sizes }) => [
      id,
      sizes.map((size) => ({ size, ...summarize(duels.get(`${id} ${size}`) ?? []) })),
    ]),
  );
}
