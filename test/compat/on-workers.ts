import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** What is used of the package miniflare, which runs workers on workerd. */
interface Miniflare {
  new (options: object): { readonly ready: Promise<URL>; dispose(): Promise<void> };
}

interface EndedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

const TRACE = 'ab'.repeat(16);
const CALLER = 'cd'.repeat(8);
const HEADERS = { traceparent: `00-${TRACE}-${CALLER}-01`, baggage: 'tenant=acme' };

/**
 * Runs `worker.ts` on workerd with one of its flags, and checks what its requests leave. Throws an `AssertionError`.
 *
 * @param folder Where the packages are installed, from which the worker is bundled.
 * @param library The folder in which miniflare is installed.
 */
export async function checkWorker(folder: string, library: string, flag: string): Promise<void> {
  const script = await bundleWorker(folder);
  const entry = pathToFileURL(join(library, 'node_modules/miniflare/dist/src/index.js')).href;
  const { Miniflare } = (await import(entry)) as { Miniflare: Miniflare };
  const behind = createServer((req, res) => res.end(JSON.stringify(req.headers)));
  await once(behind.listen(0, '127.0.0.1'), 'listening');
  const target = `http://127.0.0.1:${(behind.address() as AddressInfo).port}/`;
  const worker = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: script }],
    compatibilityDate: '2026-04-01',
    compatibilityFlags: [flag],
  });
  try {
    const origin = await worker.ready;
    const get = (path: string, headers = {}) =>
      fetch(new URL(path, origin), { headers: { ...HEADERS, ...headers } });

    const sent = (await (await get('/items/7', { 'x-target': target })).json()) as IncomingHttpHeaders;
    assert.equal(await (await get('/streamed')).text(), 'first last');
    assert.equal((await get('/throws')).status, 500);

    const spans = (await (await get('/spans')).json()) as EndedSpan[];
    const named = (name: string): EndedSpan => {
      const found = spans.find((span) => span.name === name);
      assert.ok(found, `a span named ${name}`);
      return found;
    };
    const [server, client] = [named('GET /items/:id'), named('GET')];
    assert.deepEqual([server.traceId, server.parent], [TRACE, CALLER]);
    assert.deepEqual([client.traceId, client.parent], [TRACE, server.spanId]);
    assert.equal(sent.traceparent, `00-${TRACE}-${client.spanId}-01`);
    assert.equal(sent.baggage, 'tenant=acme');
    assert.equal(named('GET /streamed').attributes['http.response.status_code'], 200);
    assert.equal(named('GET /throws').attributes['error.type'], '500');
  } finally {
    await worker.dispose();
    behind.close();
    behind.closeAllConnections();
  }
}

async function bundleWorker(folder: string): Promise<string> {
  const contents = readFileSync(join(import.meta.dirname, 'worker.ts'), 'utf8');
  const { outputFiles } = await build({
    stdin: { contents, loader: 'ts', resolveDir: folder },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker'],
    external: ['node:*'],
    logLevel: 'error',
  });
  return outputFiles.map(({ text }) => text).join('');
}
