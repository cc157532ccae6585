import { expect, it } from 'vitest';
import { linesOfCode } from './lines-of-code.ts';
import { PRODUCT, source } from './source.ts';

/** One screen. */
const MOST = 40;
/** One sitting. */
const MOST_IN_CORE = 1200;

it.each([
  'packages/http/src/trace-listener.ts',
  'packages/express/src/trace-context.ts',
  'packages/koa/src/trace-context.ts',
  'packages/fastify/src/trace-plugin.ts',
  'packages/web/src/trace-fetch-handler.ts',
  'packages/web/src/hono/trace-context.ts',
])('%s is one screen', (path) => {
  const lines = linesOfCode(source(path));
  expect(
    lines,
    `${path} has ${lines} lines of code. Move what is not this framework's to @throughline/http.`,
  ).toBeLessThanOrEqual(MOST);
});

it('the core is read in one sitting', () => {
  const lines = PRODUCT.filter(({ path }) => path.startsWith('packages/core/src/')).map(linesOfCode);
  const sum = lines.reduce((all, some) => all + some, 0);
  expect(
    sum,
    `packages/core/src has ${sum} lines of code. Move what not every hop does to the package that does it.`,
  ).toBeLessThanOrEqual(MOST_IN_CORE);
});

it('counts neither blank lines nor comments', () => {
  expect(
    linesOfCode({ path: 'a.ts', text: "// one\n\n/* two\n three */\nconst url = 'http://x'; // four\n" }),
  ).toBe(1);
});
