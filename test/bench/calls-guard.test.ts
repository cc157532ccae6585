import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Cost } from './process/in-memory/measure.ts';

/**
 * Bytes that one call or one message allocates above the client alone, with the official SDK.
 *
 * Counted as in guard.test.ts, so they are the same on a busy machine. A change that makes one cheaper: lower the figure.
 */
const EXPECTED: Readonly<Record<string, number>> = {
  fetch: 16_450,
  amqplib: 53_490,
  kafkajs: 25_620,
  bullmq: 39_490,
  // Client and server, over loopback.
  'grpc-js': 31_700,
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

async function bytesOf(subject: string, file: string): Promise<number> {
  const counts = JSON.stringify({ warmUp: 600, rounds: 9, perRound: 200 });
  const program = join(import.meta.dirname, 'process/calls.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, program, subject, file, counts]);
  return (JSON.parse(stdout) as Cost).bytes;
}

describe.each(Object.entries(EXPECTED))('%s', (subject, expected) => {
  it('allocates no more than it did', { timeout: 60_000 }, async () => {
    const ending = subject === 'fetch' ? '.ts' : '';
    const files = ['bare', 'throughline'].map((name) => `${name}${ending}`);
    const [bare = 0, traced = 0] = await Promise.all(files.map((file) => bytesOf(subject, file)));
    const bytes = traced - bare;
    expect(bytes).toBeLessThan(expected * (1 + MARGIN));
    expect(bytes, 'it became much cheaper: lower the expectation').toBeGreaterThan(expected / 2);
  });
});
