import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Counted } from './process/bytes.ts';
import type { Framework } from './process/variant.ts';

/**
 * Without the optimizing compilers, two runs differ by less than 0.2 %: the figures of a test, where those of the table
 * are the figures of a warm service.
 */
const FLAGS = [
  '--expose-gc',
  '--no-opt',
  '--no-maglev',
  '--no-concurrent-sparkplug',
  '--min-semi-space-size=128',
  '--max-semi-space-size=128',
];

interface Cost {
  /** Bytes above the bare server, ÷ those of the limit. */
  readonly toLimit: number;
  readonly contextRuns: number;
  readonly listeners: number;
  readonly attributeWrites: number;
}

/** A change that makes a request cheaper lowers the figure here. */
const EXPECTED: Readonly<Record<Framework, { readonly [mode in 'sampled' | 'unsampled']: Cost }>> = {
  http: {
    sampled: { toLimit: 1.152, contextRuns: 1, listeners: 0, attributeWrites: 5 },
    unsampled: { toLimit: 1.319, contextRuns: 1, listeners: 0, attributeWrites: 0 },
  },
  express: {
    sampled: { toLimit: 1.183, contextRuns: 1, listeners: 0, attributeWrites: 5 },
    unsampled: { toLimit: 1.332, contextRuns: 1, listeners: 0, attributeWrites: 0 },
  },
  fastify: {
    sampled: { toLimit: 1.162, contextRuns: 1, listeners: 0, attributeWrites: 5 },
    unsampled: { toLimit: 1.364, contextRuns: 1, listeners: 0, attributeWrites: 0 },
  },
  koa: {
    sampled: { toLimit: 1.168, contextRuns: 2, listeners: 0, attributeWrites: 5 },
    unsampled: { toLimit: 1.327, contextRuns: 2, listeners: 0, attributeWrites: 0 },
  },
};
const MARGIN = 0.03;

async function count(framework: string, file: string): Promise<Counted> {
  const child = join(import.meta.dirname, 'process/bytes.ts');
  const args = [...FLAGS, child, framework, file, '500', '100'];
  const env = { PATH: process.env.PATH, NODE_ENV: 'production' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout);
}

describe.each(Object.entries(EXPECTED))('a request on %s', (framework, expected) => {
  it('allocates and calls no more than it did', { timeout: 120_000 }, async () => {
    const bare = await count(framework, 'bare.ts');
    const limit = await count(framework, 'limit-full.ts');
    const ours = await count(framework, 'throughline.ts');
    const cost = (mode: 'sampled' | 'unsampled'): Cost => ({
      toLimit: (ours[mode] - bare[mode]) / (limit[mode] - bare[mode]),
      contextRuns: ours.calls[mode].contextRuns - bare.calls[mode].contextRuns,
      listeners: ours.calls[mode].listeners - bare.calls[mode].listeners,
      attributeWrites: ours.calls[mode].attributeWrites,
    });
    for (const mode of ['sampled', 'unsampled'] as const) {
      const { toLimit, ...calls } = expected[mode];
      const measured = cost(mode);
      expect(measured, mode).toMatchObject(calls);
      expect(measured.toLimit, `bytes, ${mode}`).toBeLessThan(toLimit * (1 + MARGIN));
      expect(measured.toLimit, `${mode}: it became cheaper, lower the expectation`).toBeGreaterThan(
        toLimit * (1 - MARGIN),
      );
    }
  });
});
