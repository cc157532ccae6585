import * as asyncHooks from 'node:async_hooks';
import { runInNewContext } from 'node:vm';
import type { traceFetchHandler } from '@throughline/web';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** Bundles the program for a runtime that is not Node. */
async function bundled(program: string, format: 'esm' | 'cjs'): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd'],
    external: ['node:*'],
    logLevel: 'error',
  });
  return outputFiles.map((file) => file.text).join('\n');
}

/** Returns which of Node's modules the program imports. */
async function nodeImports(program: string): Promise<string[]> {
  const text = await bundled(program, 'esm');
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

/** As in the edge runtime of Next.js: it has an environment, and throws when anything else is read. */
const refusingProcess = new Proxy(
  { env: {} },
  {
    get(target, name) {
      if (name === 'env') return target.env;
      throw new Error(`process.${String(name)} is not supported`);
    },
  },
);

it.each([
  ['there is neither a process nor a buffer of Node', {}],
  ['a process throws when a member of Node is read', { process: refusingProcess }],
])('serves where %s', async (_where, globals) => {
  const module = { exports: {} as { traceFetchHandler: typeof traceFetchHandler } };
  const require = (id: string) => (id === 'node:async_hooks' ? asyncHooks : undefined);
  const platform = { Request, Response, Headers, ReadableStream, TextEncoder, URL, AbortController };
  const program = `export { traceFetchHandler } from '@throughline/web';`;
  runInNewContext(await bundled(program, 'cjs'), { ...platform, ...globals, module, require });

  const handler = module.exports.traceFetchHandler(async (request) => new Response(request.url));
  const headers = { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`, baggage: 'a=1' };
  const response = await handler(new Request('http://a.test/x', { headers }));

  expect(await response.text()).toBe('http://a.test/x');
});
