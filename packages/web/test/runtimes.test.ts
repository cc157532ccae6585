import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** Bundles the program for a runtime that is not Node, and returns which of Node's modules it imports. */
async function nodeImports(program: string): Promise<string[]> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd'],
    external: ['node:*'],
    logLevel: 'error',
  });
  const text = outputFiles.map((file) => file.text).join('\n');
  const imports = text.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*["'](node:[\w/]+)["']/g);
  return [...new Set([...imports].map(([, name]) => name as string))];
}

it.each([
  ['traceFetchHandler', `export { traceFetchHandler, exchangeOf, tracedFetch } from '@throughline/web';`],
  ['the middleware of Hono', `export { traceContext, tracedFetch } from '@throughline/web/hono';`],
  ['the core', `export * from '@throughline/core'; export * from '@throughline/core/seam';`],
])('%s needs nothing of Node but its AsyncLocalStorage', async (_what, program) => {
  expect(await nodeImports(program)).toEqual(['node:async_hooks']);
});

it('sees an import that is left', async () => {
  expect(await nodeImports(`import net from 'node:net'; net.isIP('');`)).toEqual(['node:net']);
});
