import { bytesOf } from './bytes.ts';
import type { Installation } from './installation.ts';
import type { RequestPlan } from './process/load.ts';
import type { Framework } from './process/variant.ts';

/** What grows, and what a request and its server then look like. */
interface Growing {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly framework: Framework;
  readonly sizes: readonly number[];
  readonly plan: (size: number) => RequestPlan;
  readonly env?: (size: number) => Record<string, string>;
}

export const GROWING: readonly Growing[] = [
  {
    id: 'baggage',
    title: 'baggage entries in the request',
    unit: 'entries',
    framework: 'http',
    sizes: [1, 8, 32, 64],
    plan: (baggage) => ({ baggage }),
  },
  {
    id: 'headers',
    title: 'other header fields in the request',
    unit: 'fields',
    framework: 'http',
    sizes: [0, 50, 100, 200],
    plan: (extraHeaders) => ({ extraHeaders }),
  },
  {
    id: 'routers',
    title: 'nested routers of Express around the route',
    unit: 'routers',
    framework: 'express',
    sizes: [1, 4, 10],
    plan: (routers) => ({ path: `${'/in'.repeat(routers)}/items/42?color=blue` }),
    env: (routers) => ({ BENCH_ROUTERS: String(routers) }),
  },
];

/** Bytes that a sampled request allocates: on the bare server, and what is added to that. */
export interface GrowthPoint {
  readonly size: number;
  readonly bare: number;
  readonly ours: number;
  readonly official: number;
}

/** Measures the points of everything that grows, with the quiet instrument of the bytes. */
export async function measureGrowth(
  { folder }: Installation,
  progress: (what: string) => void,
): Promise<Record<string, GrowthPoint[]>> {
  const growth: Record<string, GrowthPoint[]> = {};
  for (const { id, framework, sizes, plan, env } of GROWING) {
    const points: GrowthPoint[] = [];
    for (const size of sizes) {
      const of = async (file: string) =>
        (await bytesOf(folder, framework, file, plan(size), env?.(size))).sampled;
      const bare = await of('bare.ts');
      points.push({
        size,
        bare,
        ours: (await of('throughline.ts')) - bare,
        official: (await of('official.mjs')) - bare,
      });
      progress(`growth by ${id}: ${size}`);
    }
    growth[id] = points;
  }
  return growth;
}
