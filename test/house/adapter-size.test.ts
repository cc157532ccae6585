import { expect, it } from 'vitest';
import { parsed, type Source, source } from './source.ts';

const MOST = 40;

/** Lines that are neither blank nor only a comment. */
function linesOfCode(file: Source): number {
  let code = file.text;
  for (const { start, end } of parsed(file).comments)
    code = code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, ' ') + code.slice(end);
  return code.split('\n').filter((line) => line.trim() !== '').length;
}

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

it('counts neither blank lines nor comments', () => {
  expect(
    linesOfCode({ path: 'a.ts', text: "// one\n\n/* two\n three */\nconst url = 'http://x'; // four\n" }),
  ).toBe(1);
});
