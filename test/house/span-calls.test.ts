import { expect, it } from 'vitest';
import { PRODUCT } from './source.ts';
import { spanCalls } from './span-calls.ts';

const MAY = [
  // The kits plant faults and play other tracers.
  'packages/testing/',
  // Starts a span that is never exported, to see whether the SDK finds the active context.
  'packages/sdk/src/registration/register.ts',
  // Is a tracer, with spans of its own.
  'packages/sdk/src/recorder/',
];

it('starts, fails and ends spans in core/operation only', () => {
  const bound = PRODUCT.filter(({ path }) => !MAY.some((place) => path.startsWith(place)));
  expect(spanCalls(bound)).toEqual([]);
});

it.each([
  'span.end();',
  'this.#span.end(now);',
  'trace.getSpan(context)?.end();',
  'exchange.span.recordException(error);',
  'found.setStatus({ code: 2 });',
  "tracer().startSpan('work');",
])('refuses %s', (text) => {
  const [call] = spanCalls([{ path: 'packages/koa/src/wrong.ts', text }]);
  expect(call).toMatch(/^packages\/koa\/src\/wrong\.ts:1 calls .*make it an `Operation`/);
});

it('leaves other ends alone', () => {
  expect(spanCalls([{ path: 'packages/koa/src/right.ts', text: 'res.end(); operation.end();' }])).toEqual([]);
});
