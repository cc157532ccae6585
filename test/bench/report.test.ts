import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { verdict } from './certainty.ts';
import { duelTable } from './duel-table.ts';
import { writeReport } from './report.ts';
import { readResults } from './results.ts';
import { summarize } from './statistics.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

it('has written the page of the figures that are in version control', () => {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'docs'));

  writeReport(folder, readResults(REPOSITORY));

  const pageIn = (root: string) => readFileSync(join(root, 'docs/performance.md'), 'utf8');
  expect(pageIn(folder), 'run node test/bench/run.ts --report-only').toBe(pageIn(REPOSITORY));
});

const row = (id: string, added: readonly number[]) => {
  const result = summarize(added.map((each) => ({ base: 10, variant: 10 + each })));
  return { id, title: id, sampled: result, unsampled: result };
};
const lineOf = (table: string, id: string) => table.split('\n').find((line) => line.startsWith(`| ${id}`));

it('marks a figure whose duels differ by more than it shows, and the shares made with it', () => {
  const table = duelTable(
    [row('bare', [0, 0.1]), row('limit-full', [8, 12]), row('throughline', [11.9, 12, 12.1])],
    'request',
  );

  expect(lineOf(table, 'limit-full')).toMatch(/^\| limit-full \| ≈ 10\.0 \[8\.0 … 12\.0\] \| 1\.00 \|/);
  expect(lineOf(table, 'throughline')).toMatch(/^\| throughline \| 12\.0 \[11\.9 … 12\.1\] \| ≈ 1\.20 \|/);
});

it('marks a figure that is no larger than the error of the method, and that of a single round', () => {
  const rows = [row('bare', [-1, 1]), row('steady', [10, 10.1]), row('once', [50])];

  expect(lineOf(duelTable(rows, 'request'), 'steady')).toContain('≈ 10.0');
  expect(lineOf(duelTable(rows, 'request'), 'once')).toContain('≈ 50.0');
});

it.each([
  [1.1, 0.02, '1.10 (1.20: holds)'],
  [1.3, 0.02, '1.30 (1.20: missed)'],
  [1.18, 0.1, '≈ 1.18 (1.20: open)'],
])('judges %d ± %d', (value, uncertainty, expected) => {
  expect(verdict({ value, uncertainty }, 1.2)).toBe(expected);
});
