import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { context, type SpanContext } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace';
import { detached } from '@throughline/core';
import { traceLoader } from '@throughline/graphql/dataloader';
import { bindCallback, bindEmitter, bindIterable } from '@throughline/workers';
import DataLoader from 'dataloader';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bindings, BOUNDARIES } from './boundaries.ts';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

const same = <T>(value: T) => value;
const without: Bindings = {
  bindCallback: same,
  bindEmitter: same,
  bindIterable: same,
  detached: (fn) => fn(),
};
const helpers: Bindings = { bindCallback, bindEmitter, bindIterable, detached };
const WORDS: Readonly<Record<string, string>> = { A: "another caller's", B: 'kept', none: 'lost' };

/** Tested below: the work of a batch belongs to all its callers. */
const BATCH = '`traceLoader`: the batch links to all its callers';

/** The page's rows: what happens without a remedy, and the remedy. */
const ROWS = new Map(
  readFileSync(join(import.meta.dirname, '../../../docs/boundaries.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
    .map(([name = '', measured = '', remedy = '']) => [name, { measured, remedy }] as const),
);

describe.each(Object.entries(BOUNDARIES))('%s', (name, boundary) => {
  test('does without a remedy what the page says', async () => {
    expect(ROWS.get(name)?.measured).toBe(WORDS[await boundary(without)]);
  });

  if (['none needed', BATCH].includes(ROWS.get(name)?.remedy ?? '')) return;
  test('keeps the context with the helper', async () => {
    // What belongs to no caller is kept out of every context.
    expect(await boundary(helpers)).toBe(ROWS.get(name)?.remedy.includes('detached') ? 'none' : 'B');
  });
});

test('the page has a row for each boundary, and no other', () => {
  const [_heading, ...rows] = ROWS.keys();
  expect(rows).toEqual(Object.keys(BOUNDARIES));
});

test('a batch of a DataLoader links to all its callers', async () => {
  const ended: ReadableSpan[] = [];
  const collector = {
    onStart() {},
    onEnd: (span: ReadableSpan) => void ended.push(span),
    async forceFlush() {},
    async shutdown() {},
  };
  const tracerProvider = new TracerProvider({ spanProcessors: [collector] });
  const loader = traceLoader(
    'prices',
    async (keys: readonly number[]) => keys,
    (batch) => new DataLoader(batch),
    { tracerProvider },
  );
  const tracer = tracerProvider.getTracer('test');
  const callers: SpanContext[] = [];
  const load = (key: number) =>
    tracer.startActiveSpan(`caller ${key}`, (span) => {
      callers.push(span.spanContext());
      return loader.load(key).finally(() => span.end());
    });
  await Promise.all([load(1), load(2)]);
  const batch = ended.find(({ name }) => name === 'load prices');
  expect(batch?.links.map(({ context: { spanId } }) => spanId)).toEqual(callers.map(({ spanId }) => spanId));
});
