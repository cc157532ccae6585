/**
 * Prints how many files and functions of ours run for one Express request, one `tracedFetch` and one Kafka message,
 * counted by V8's coverage, warm, with an SDK and W3C Trace Context and Baggage; and how long each package is.
 *
 *     node test/bench/files-run.ts
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { traceContext, tracedFetch } from '@throughline/express';
import { traceHandler } from '@throughline/messaging/kafkajs';
import { createPropagator } from '@throughline/propagators';
import express from 'express';

const PACKAGES = join(import.meta.dirname, '../../packages');
const HEADERS = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'a=1,b=2',
  baggage: 'tenant=acme,plan=pro',
};
const WARM = 200;

const exporter = {
  export: (_: unknown, done: (r: { code: number }) => void) => done({ code: 0 }),
  shutdown: async () => {},
};
trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter as never)] }),
);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(createPropagator());

const app = express();
app.use(traceContext());
app.get('/orders/:id', (_req, res) => void res.end('ok'));
const traced = app.listen(0, '127.0.0.1');
const bare = createServer((_req, res) => res.end('ok')).listen(0, '127.0.0.1');
await Promise.all([once(traced, 'listening'), once(bare, 'listening')]);
const urlOf = (server: typeof bare, path: string) =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

const handle = traceHandler(async () => {});
const message = {
  key: null,
  value: Buffer.from('1'),
  headers: HEADERS,
  offset: '1',
  timestamp: String(Date.now()),
};

const EVENTS: Readonly<Record<string, () => Promise<unknown>>> = {
  async 'an Express request'() {
    const [response] = await once(get(urlOf(traced, '/orders/7'), { headers: HEADERS }), 'response');
    response.resume();
    await once(response, 'end');
    // The span ends when the server has seen the end.
    await new Promise((resolve) => setImmediate(resolve));
  },
  'a tracedFetch': async () => (await tracedFetch(urlOf(bare, '/stock/7'))).text(),
  'a Kafka message': () => handle({ topic: 'orders', partition: 0, message } as never),
};

const session = new Session();
session.connect();
await session.post('Profiler.enable');

console.log('| | files | functions | calls |\n|---|---:|---:|---:|');
for (const [name, event] of Object.entries(EVENTS)) {
  for (let i = 0; i < WARM; i++) await event();
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await session.post('Profiler.takePreciseCoverage');
  await event();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  await session.post('Profiler.stopPreciseCoverage');
  const own = result
    .filter(({ url }) => /\/packages\/[\w-]+\/dist\//.test(url))
    .map(({ functions }) =>
      functions.filter(({ functionName, ranges }) => functionName !== '' || ranges[0]?.count),
    )
    .map((functions) =>
      functions.flatMap(({ ranges }) => ranges.slice(0, 1)).filter(({ count }) => count > 0),
    )
    .filter((ran) => ran.length > 0);
  const functions = own.flat();
  const calls = functions.reduce((sum, { count }) => sum + count, 0);
  console.log(`| ${name} | ${own.length} | ${functions.length} | ${calls} |`);
}

console.log('\n| package | files | lines of code | comment lines |\n|---|---:|---:|---:|');
for (const name of readdirSync(PACKAGES).sort()) {
  const files = readdirSync(join(PACKAGES, name, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts'),
  );
  let code = 0;
  let comments = 0;
  for (const file of files) {
    let inside = false;
    for (const line of readFileSync(join(PACKAGES, name, 'src', file), 'utf8').split('\n')) {
      const text = line.trim();
      if (text.startsWith('/*')) inside = true;
      if (text === '') continue;
      if (inside || text.startsWith('//')) comments++;
      else code++;
      if (text.endsWith('*/')) inside = false;
    }
  }
  console.log(`| ${name} | ${files.length} | ${code} | ${comments} |`);
}
process.exit(0);
