/**
 * Measures what a span costs by the starter's recorder and by the SDK's own tracer: docs/adr/0048 has the table.
 *
 *   node test/bench/recorder.ts
 *
 * A span with 7 attributes at its start and 3 later, below a remote parent, as `startTracing()` records it: bytes allocated,
 * and processor time with the collections that they cause. Medians of turns, in a process each.
 */
import { execFileSync } from 'node:child_process';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { startTracing } from '@throughline/sdk';

const RECORDERS = ['sdk', 'throughline'] as const;
const SPANS = 20_000;
const TURNS = 9;
const PATHS = ['/carts', '/orders', '/items'];

const parents = [1, 0].map((traceFlags) =>
  trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags,
    isRemote: true,
  }),
);

/** Returns the nanoseconds and bytes of a recorded span, and of one that is not. */
async function measure(recorder: (typeof RECORDERS)[number]): Promise<number[]> {
  const exporter = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  };
  startTracing({ serviceName: 'bench', spanProcessors: [new BatchSpanProcessor({ exporter })], recorder });
  const tracer = trace.getTracer('bench');
  const run = async (parent = ROOT_CONTEXT, spans = SPANS) => {
    for (let n = 1; n <= spans; n++) {
      const attributes = {
        'http.request.method': 'GET',
        'url.path': PATHS[n % 3],
        'url.scheme': 'https',
        'server.address': 'shop.example',
        'server.port': 443,
        'user_agent.original': 'curl/8',
        'network.protocol.version': '1.1',
      };
      const span = tracer.startSpan('GET', { attributes }, parent);
      if (span.isRecording()) {
        span.setAttribute('http.route', '/:collection');
        span.setAttribute('http.response.status_code', 200);
        span.setAttribute('app.cached', true);
      }
      span.end();
      // Batches are sent in between, as between requests.
      if (n % 100 === 0) await new Promise(setImmediate);
    }
  };
  for (const parent of parents) await run(parent, 200_000);
  const figures: number[] = [];
  for (const parent of parents) {
    const nanoseconds: number[] = [];
    const bytes: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      globalThis.gc?.();
      const heap = process.memoryUsage().heapUsed;
      const cpu = process.cpuUsage();
      await run(parent);
      const { user, system } = process.cpuUsage(cpu);
      bytes.push((process.memoryUsage().heapUsed - heap) / SPANS);
      nanoseconds.push(((user + system) * 1000) / SPANS);
    }
    for (const values of [nanoseconds, bytes])
      figures.push(Math.round(values.sort((a, b) => a - b)[TURNS >> 1] ?? Number.NaN));
  }
  return figures;
}

const [recorder] = process.argv.slice(2);
if (recorder !== undefined) {
  console.log((await measure(recorder as (typeof RECORDERS)[number])).join(' | '));
  process.exit();
}
console.log('| recorder | recorded, ns | bytes | not recorded, ns | bytes |\n|---|---:|---:|---:|---:|');
for (const name of RECORDERS) {
  const flags = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];
  const env = { PATH: process.env.PATH, NODE_ENV: 'production' };
  const figures = execFileSync(process.execPath, [...flags, import.meta.filename, name], {
    env,
    encoding: 'utf8',
  });
  console.log(`| ${name} | ${figures.trim()} |`);
}
