import { type Child, sleep, startChild } from './child.ts';
import type { Entry } from './contenders.ts';
import { httpDuel, type Timing } from './duel.ts';
import type { LoadPlan } from './process/load.ts';
import { type Duel, median, type Result, shuffled, summarize } from './statistics.ts';

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
    id: 'headers',
    title: 'other header fields in the request',
    unit: 'fields',
    sizes: [0, 25, 50, 100, 200],
    plan: (extraHeaders) => ({ extraHeaders }),
  },
  {
    id: 'baggage',
    title: 'baggage entries in the request',
    unit: 'entries',
    sizes: [0, 4, 16, 32, 64],
    plan: (baggage) => ({ baggage }),
  },
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

/** Bytes of heap per request that is being served, above the same server without any. */
async function bytesPerOpenRequest(entry: Entry, open: number): Promise<number> {
  const children: Child[] = [];
  try {
    const { installation, file, env } = entry;
    const server = await startChild('measured', installation.folder, 'server.ts', ['http', file], {
      flags: ['--expose-gc'],
      ...(env && { env }),
    });
    const [warmUp, holding] = await Promise.all([
      startChild('loading', import.meta.dirname, 'load.ts'),
      startChild('loading', import.meta.dirname, 'load.ts'),
    ]);
    children.push(server, warmUp, holding);
    await warmUp.ask('start', { port: server.port });
    await sleep(1000);
    await warmUp.ask('stop');
    await sleep(200);
    const before = await server.ask<{ used: number }>('heap');
    await holding.ask('start', { port: server.port, path: '/hold', connections: open });
    for (let waited = 0; waited < 200; waited++) {
      const { held, used } = await server.ask<{ used: number; held: number }>('heap');
      if (held === open) return (used - before.used) / open;
      await sleep(50);
    }
    throw new Error(`${file}: not all of ${open} requests arrived`);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

export interface OpenRequests {
  readonly open: number;
  /** Bytes per open request by variant: the bare server's own, and what each of the others adds. */
  readonly bytes: Readonly<Record<string, number>>;
}

export async function measureOpenRequests(
  entries: readonly Entry[],
  sizes: readonly number[],
  rounds: number,
  progress: (what: string) => void,
): Promise<OpenRequests[]> {
  const results: OpenRequests[] = [];
  for (const open of sizes) {
    const measured = new Map<string, number[]>();
    for (let round = 0; round < rounds; round++)
      for (const entry of shuffled(entries)) {
        const bytes = await bytesPerOpenRequest(entry, open);
        measured.set(entry.id, [...(measured.get(entry.id) ?? []), bytes]);
        progress(`${round + 1}/${rounds} memory of ${open} open requests, ${entry.id}`);
      }
    const of = (id: string) => median(measured.get(id) ?? []);
    const bare = of('bare');
    const bytes = entries.map(({ id }) => [id, id === 'bare' ? bare : of(id) - bare] as const);
    results.push({ open, bytes: Object.fromEntries(bytes) });
  }
  return results;
}
