import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installedVersion, packAll } from '../dist/packed-packages.ts';
import { type Jaeger, startJaeger } from './back-ends.ts';
import { describeWith } from './describe-with.ts';
import { JAEGER } from './recipes.ts';
import { freePorts, ONCE, type ServerProcess, startServer } from './server-process.ts';
import { treeOf } from './span-tree.ts';

const run = promisify(execFile);
const REPOSITORY = join(import.meta.dirname, '../..');
/** Two minutes, in milliseconds: what a newcomer may need until the first trace. */
const PATIENCE = 120_000;

/** What the READMEs tell to write: the first block of the SDK package's, then the first of the adapter's. */
async function serviceFromReadmes(): Promise<string> {
  const blocks = ['sdk', 'express'].map(async (name) => {
    const readme = await readFile(join(REPOSITORY, 'packages', name, 'README.md'), 'utf8');
    return /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  });
  return (await Promise.all(blocks)).join('');
}

await describeWith([JAEGER], 'a service in a fresh folder', (jaegerProgram = '') => {
  let jaeger: Jaeger | undefined;
  let stock: Server;
  let service: ServerProcess | undefined;
  let folder: string;
  let address: string;

  beforeAll(async () => {
    jaeger = await startJaeger(jaegerProgram);
    stock = createServer((_req, res) => res.end('{"left":3}')).listen(0, '127.0.0.1');
    folder = await mkdtemp(join(tmpdir(), 'throughline-fresh-'));
  });

  afterAll(async () => {
    await service?.stop();
    await jaeger?.stop();
    stock?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test(
    'installed from tarballs and written from the README shows its trace in Jaeger within two minutes',
    async () => {
      const tarballs = await packAll(folder);
      const begun = performance.now();
      const own = Object.fromEntries([...tarballs].map(([name, file]) => [name, `file:${file}`]));
      const { '@throughline/express': adapter, '@throughline/sdk': sdk, ...below } = own;
      await writeFile(
        join(folder, 'package.json'),
        JSON.stringify({
          private: true,
          type: 'module',
          dependencies: {
            '@throughline/express': adapter,
            '@throughline/sdk': sdk,
            '@opentelemetry/api': await installedVersion('@opentelemetry/api'),
            express: await installedVersion('express'),
          },
          // From the registry these would come by themselves.
          overrides: below,
        }),
      );
      await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: folder, timeout: PATIENCE });
      const [port] = await freePorts(1);
      await writeFile(join(folder, 'service.js'), (await serviceFromReadmes()).replace('3000', `${port}`));

      address = `http://127.0.0.1:${port}`;
      service = await startServer({
        name: 'the service',
        command: process.execPath,
        args: ['service.js'],
        cwd: folder,
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: jaeger?.otlp,
          STOCK_URL: `http://127.0.0.1:${(stock.address() as AddressInfo).port}`,
        },
        ready: `${address}/items/7`,
      });
      const traceId = await firstTrace(jaeger?.query ?? '', 'orders', begun + PATIENCE);
      console.log(
        `first trace in Jaeger ${Math.round((performance.now() - begun) / 1000)} s after npm install began`,
      );
      expect(treeOf((await jaeger?.spansOf(traceId)) ?? [])).toEqual([
        'orders SERVER GET /items/:id',
        ' orders CLIENT GET',
      ]);
      expect(performance.now() - begun).toBeLessThan(PATIENCE);
    },
    PATIENCE + 60_000,
  );

  test('and told to end by SIGTERM, it loses nothing that it has answered', async () => {
    const traceIds = Array.from({ length: 100 }, (_, i) => `4${i.toString(16).padStart(31, '0')}`);
    await Promise.all(
      traceIds.map(async (traceId) => {
        const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
        const answer = await fetch(`${address}/items/8`, { headers });
        await answer.arrayBuffer();
      }),
    );
    const begun = performance.now();
    await service?.stop();
    console.log(`ended ${Math.round(performance.now() - begun)} ms after SIGTERM`);
    for (const traceId of traceIds) expect(await jaeger?.spansOf(traceId)).toHaveLength(2);
  });
});

/** Looks for a service's traces as Jaeger's search page does. */
async function firstTrace(api: string, service: string, end: number): Promise<string> {
  while (performance.now() < end) {
    const answer = await fetch(`${api}/api/traces?service=${service}&lookback=1h&limit=1`, { headers: ONCE });
    const { data } = (await answer.json()) as { data: { traceID: string }[] | null };
    if (data?.[0]) return data[0].traceID;
    await delay(200);
  }
  throw new Error(`no trace of ${service} in Jaeger`);
}
