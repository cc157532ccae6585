import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Counts } from './guard-child.ts';

/**
 * What a request costs, counted and not timed: it is the same on a busy machine.
 *
 * Bytes are counted without the optimizing compilers, which elide some allocations once they have run long enough,
 * and with a young generation so large that nothing is collected in between. Two runs then differ by less than 1 %.
 * A change that makes a request cheaper: lower the figure here.
 */
const EXPECTED: Readonly<Record<string, Counts>> = {
  sampled: {
    bytes: 8300,
    spans: 1,
    startAttributes: 7,
    // One by one: for `setAttributes`, an SDK makes a list of lists first.
    attributeCalls: 3,
    lateAttributes: 3,
    contextRuns: 3,
    listeners: 0,
  },
  unsampled: {
    bytes: 7870,
    spans: 1,
    startAttributes: 7,
    attributeCalls: 0,
    lateAttributes: 0,
    contextRuns: 3,
    listeners: 0,
  },
  'no-sdk': {
    bytes: 5880,
    spans: 0,
    startAttributes: 0,
    attributeCalls: 0,
    lateAttributes: 0,
    contextRuns: 0,
    listeners: 0,
  },
};
const MARGIN = 0.03;
const FLAGS = [
  '--expose-gc',
  '--no-opt',
  '--no-maglev',
  '--no-concurrent-sparkplug',
  '--min-semi-space-size=128',
  '--max-semi-space-size=128',
];

async function count(scenario: string): Promise<Counts> {
  const child = join(import.meta.dirname, 'guard-child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, child, scenario]);
  return JSON.parse(stdout);
}

describe.each(Object.entries(EXPECTED))('a request on node:http, %s', (scenario, expected) => {
  it('costs no more than it did', async () => {
    const { bytes, contextRuns, attributeCalls, ...counts } = await count(scenario);
    expect(counts).toMatchObject({
      spans: expected.spans,
      startAttributes: expected.startAttributes,
      lateAttributes: expected.lateAttributes,
      listeners: expected.listeners,
    });
    expect(contextRuns).toBeLessThanOrEqual(expected.contextRuns);
    expect(attributeCalls).toBeLessThanOrEqual(expected.attributeCalls);
    expect(bytes).toBeLessThan(expected.bytes * (1 + MARGIN));
    expect(bytes, 'it became much cheaper: lower the expectation').toBeGreaterThan(expected.bytes / 2);
  });
});
